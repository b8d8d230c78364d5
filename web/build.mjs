// Bundles web/src into mapsvc/static/build: hashed names and a manifest that maps plain names to them.
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const outdir = path.join(here, "..", "mapsvc", "static", "build");

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });

const common = {
  absWorkingDir: here,
  outdir,
  bundle: true,
  minify: true,
  metafile: true,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  format: "iife",
  // Domestic desktops (Kylin, UOS) ship Chromium builds as old as this.
  target: ["chrome80"],
  charset: "utf8",
  logLevel: "warning",
};
const sources = (names) => names.map((name) => `src/${name}`);
const served = await build({
  ...common,
  entryPoints: sources(["map.js", "map.css", "pages.js", "pages.css", "reference.js", "record.js", "record.css", "accounts.js", "accounts.css", "me.js", "uploads.js", "uploads.css", "screen/screen.js", "screen/screen.css", "screen/charts.js", "sheet/sheet.js", "sheet/sheet.css"]),
  loader: { ".png": "file", ".svg": "file" },
  legalComments: "linked",
});
// The map that is one file: pictures are inside.
const alone = await build({
  ...common,
  entryPoints: sources(["offline/offline.js", "offline/offline.css"]),
  loader: { ".png": "dataurl", ".svg": "dataurl" },
  legalComments: "inline",
});

const manifest = {};
for (const [file, output] of Object.entries({ ...served.metafile.outputs, ...alone.metafile.outputs })) {
  if (output.entryPoint) manifest[path.basename(output.entryPoint)] = path.basename(file);
}
await writeFile(path.join(outdir, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
for (const [name, file] of Object.entries(manifest)) console.log(`${name} -> ${file}`);
