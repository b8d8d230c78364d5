// Bundles web/src into mapsvc/static/build: hashed names and a manifest that maps plain names to them.
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const outdir = path.join(here, "..", "mapsvc", "static", "build");

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ["map.js", "map.css", "pages.js", "pages.css", "reference.js", "uploads.js", "uploads.css", "screen/screen.js", "screen/screen.css", "screen/charts.js"].map((name) => `src/${name}`),
  outdir,
  bundle: true,
  minify: true,
  metafile: true,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".png": "file", ".svg": "file" },
  format: "iife",
  // Domestic desktops (Kylin, UOS) ship Chromium builds as old as this.
  target: ["chrome80"],
  legalComments: "linked",
  charset: "utf8",
  logLevel: "warning",
});

const manifest = {};
for (const [file, output] of Object.entries(metafile.outputs)) {
  if (output.entryPoint) manifest[path.basename(output.entryPoint)] = path.basename(file);
}
await writeFile(path.join(outdir, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
for (const [name, file] of Object.entries(manifest)) console.log(`${name} -> ${file}`);
