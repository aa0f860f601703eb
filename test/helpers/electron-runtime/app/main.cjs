// A packaged Electron starts only what lies in its resources/app: this. It goes on to the project in the working folder.
const { syncBuiltinESMExports } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const workerThreads = require('node:worker_threads');
const zlib = require('node:zlib');
const { app } = require('electron');

// Node 20.18 lacks two functions that undici 8 takes hold of when it is loaded. Node 24 has them.
zlib.createZstdDecompress ??= () => {
  throw new Error('this runtime has no zstd');
};
workerThreads.markAsUncloneable ??= () => undefined;
syncBuiltinESMExports();

const folder = process.cwd();
const manifest = require(path.join(folder, 'package.json'));
app.setAppPath(folder);
app.setName(manifest.productName ?? manifest.name);
import(pathToFileURL(path.join(folder, manifest.main)).href).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  app.exit(1);
});
