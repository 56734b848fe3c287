// Writes chatd-client.global.js, for pages that take plain scripts only: `node build.mjs`. With --check it writes
// nothing and fails if that file is not what it would write.

import { readFileSync, writeFileSync } from "node:fs";

const TARGET = new URL("chatd-client.global.js", import.meta.url);
const EXPORTS = ["ChatClient", "ChatError", "md5"];

/** The modules that one imports, before it, each once. */
function collect(name, found = new Map()) {
  const text = readFileSync(new URL(name, import.meta.url), "utf8");
  for (const [, imported] of text.matchAll(/^import .* from "\.\/(.+)";$/gm)) collect(imported, found);
  return found.has(name) ? found : found.set(name, text);
}

function asScript(text) {
  return text
    .replace(/^import .*;\n/gm, "")
    .replace(/^export \{.*\};\n/gm, "")
    .replace(/^export (?=class|const|function)/gm, "")
    .trim();
}

function build() {
  const modules = [...collect("chatd-client.js")].map(([name, text]) => `// ${name}\n${asScript(text)}\n`);
  const head = "// window.chatd, for <script src>. Built by build.mjs from the modules beside it; do not edit.\n";
  const script = `${head}"use strict";\nglobalThis.chatd = (() => {\n${modules.join("\n")}\nreturn { ${EXPORTS.join(", ")} };\n})();\n`;
  if (/^(import|export) /m.test(script)) throw new Error("build.mjs does not understand an import or export");
  return script;
}

const script = build();
if (!process.argv.includes("--check")) {
  writeFileSync(TARGET, script);
} else if (readFileSync(TARGET, "utf8") !== script) {
  console.error("chatd-client.global.js is stale: node build.mjs");
  process.exitCode = 1;
}
