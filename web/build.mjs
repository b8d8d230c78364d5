// Bundles web/src into mapsvc/static/build: hashed names and a manifest that maps plain names to them,
// "map.js+" to what map.js needs before it can run.
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
  minify: !process.env.PLAIN,
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
  entryPoints: sources(["map.css", "pages.js", "pages.css", "reference.js", "record.js", "record.css", "health.js", "health.css", "accounts.js", "accounts.css", "me.js", "uploads.js", "uploads.css", "screen/screen.css", "screen/charts.js", "screen/darken.js", "sheet/sheet.js", "sheet/sheet.css"]),
  loader: { ".png": "file", ".svg": "file" },
  legalComments: "linked",
});
// What the points do not wait for is in files of its own. Each page has its own set: one that all
// shared would be more requests before the first point.
const split = await Promise.all(
  ["map.js", "screen/screen.js"].map((name) =>
    build({ ...common, entryPoints: sources([name]), format: "esm", splitting: true, chunkNames: `${path.basename(name, ".js")}-[hash]`, legalComments: "linked" }),
  ),
);
// The map that is one file: pictures are inside.
const alone = await build({
  ...common,
  entryPoints: sources(["offline/offline.js", "offline/offline.css"]),
  loader: { ".png": "dataurl", ".svg": "dataurl" },
  legalComments: "inline",
});

const manifest = {};
for (const { outputs } of [served, ...split, alone].map(({ metafile }) => metafile)) {
  for (const [file, { entryPoint, imports }] of Object.entries(outputs)) {
    if (!entryPoint || !/\.(js|css)$/.test(file)) continue;
    // A file that is only imported later is nobody's to ask for.
    if (Object.values(outputs).some((other) => other.imports.some(({ kind, path: target }) => kind === "dynamic-import" && target === file))) continue;
    manifest[path.basename(entryPoint)] = path.basename(file);
    const first = imports.filter(({ kind }) => kind === "import-statement").map((one) => path.basename(one.path));
    if (first.length) manifest[`${path.basename(entryPoint)}+`] = first;
  }
}
await writeFile(path.join(outdir, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
for (const [name, file] of Object.entries(manifest)) console.log(`${name} -> ${file}`);
