#!/usr/bin/env node
// The Solidity compiler as brownie (through solcx) and forge expect to find it: a program that
// answers `--version` and turns standard JSON on stdin into standard JSON on stdout. The compiler
// itself is the npm package `solc`, pinned by hash in package-lock.json, so a build needs no
// download besides npm's and the same version gives the same bytecode as the native one.
"use strict";
const fs = require("fs");
const path = require("path");

const root = process.env.PENSTOCK_ROOT || path.resolve(__dirname, "..");
const modules = path.join(root, "node_modules");
const solc = require(path.join(modules, "solc"));

const args = process.argv.slice(2);
if (args.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface");
  console.log(`Version: ${solc.version()}`);
  process.exit(0);
}
if (!args.includes("--standard-json")) {
  console.error("this compiler speaks --standard-json (and --version) only");
  process.exit(1);
}

function readImport(name) {
  const bare = name.replace(/^node_modules\//, "");
  for (const file of [path.resolve(root, name), path.join(modules, bare)]) {
    if (file.startsWith(root + path.sep) && fs.existsSync(file)) {
      return { contents: fs.readFileSync(file, "utf8") };
    }
  }
  return { error: `${name} is neither in the project nor in node_modules` };
}

process.stdout.write(solc.compile(fs.readFileSync(0, "utf8"), { import: readImport }));
