import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import vm from "node:vm";

import * as module from "../chatd-client.js";

test("the plain script gives a page window.chatd, with what the module exports, and nothing else", () => {
  const script = readFileSync(new URL("../chatd-client.global.js", import.meta.url), "utf8");
  const page = vm.createContext({ setTimeout, clearTimeout });
  const before = new Set(Object.keys(page));
  vm.runInContext(script, page);
  assert.deepEqual(Object.keys(page).filter((name) => !before.has(name)), ["chatd"]);
  assert.deepEqual(Object.keys(page.chatd).sort(), Object.keys(module).sort());
  assert.equal(page.chatd.md5("abc"), module.md5("abc"));
  const options = { url: "ws://chat.example/", name: "Ann", userId: "ann", roomName: "lobby" };
  assert.equal(new page.chatd.ChatClient(options).state, "idle");
});

test("the types name all that is exported", () => {
  const types = readFileSync(new URL("../chatd-client.d.ts", import.meta.url), "utf8");
  const named = [...types.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(named.sort(), Object.keys(module).sort());
  const { prototype } = module.ChatClient;
  const members = Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor");
  for (const member of members) assert.match(types, new RegExp(`^  (readonly )?${member}[(:<]`, "m"), member);
});
