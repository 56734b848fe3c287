// Who comes, and to where: from the query, from what the tab remembers, and from a form.

import { el, freshId } from "./dom.js";
import { t } from "./i18n.js";
import { keep, kept as keptText } from "./storage.js";

const STORAGE = "sessionStorage"; // a tab is a person

/**
 * Who the reader is, as far as query and storage say. Without a userId a random one is made, and kept.
 *
 * @param {object} what
 * @param {string} what.key under which the storage keeps it, for instance "chatd.room".
 * @param {object} [what.defaults] such as {room: "lobby"}; `userId` too, where it is not to be random.
 * @returns {{name: string, userId: string, room: string, icon: string, target: string, given: boolean}} `given`: the query
 *   names him, so there is nothing to ask.
 */
export function readIdentity({ key, defaults = {} }) {
  const query = new URLSearchParams(location.search);
  const kept = load(key);
  const pick = (name, parameter = name) => query.get(parameter) ?? kept[name] ?? defaults[name] ?? "";
  const identity = {
    name: pick("name") || t("entry.guest", { number: 100 + Math.floor(Math.random() * 900) }),
    userId: pick("userId", "user") || randomId(),
    room: pick("room"),
    icon: pick("icon"),
    target: pick("target"),
  };
  keepIdentity({ key, identity: { ...kept, userId: identity.userId } });
  return { ...identity, given: Boolean(query.get("name")) || Boolean(kept.entered && !kept.account) };
  // (an account's password is not kept)
}

/** Remember who the reader is. `identity.entered`: a reload of the page needs no form. Never the password. */
export function keepIdentity({ key, identity }) {
  const { password: _, ...rest } = identity;
  keep(STORAGE, key, JSON.stringify({ ...load(key), ...rest })); // where it cannot be kept a reload is another person
}

function load(key) {
  try {
    return JSON.parse(keptText(STORAGE, key)) ?? {};
  } catch {
    return {};
  }
}

/** As good as crypto.randomUUID, which plain http pages do not have. */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The form.
 *
 * @param {HTMLElement} root an empty element; it is filled.
 * @param {object} what
 * @param {string} what.title
 * @param {string} [what.text] a sentence below it.
 * @param {string} [what.submit] the button's words.
 * @param {object} what.identity what stands in the fields at first: name, room, icon, clientType, account.
 * @param {string[]} [what.fields] of "name", "room", "icon", "target", "userId"; name and room if left out.
 * @param {Object<string, string>} [what.labels] other words for a field.
 * @param {boolean} [what.account] whether there is a part for account and password, folded; true if left out.
 * @param {string} [what.error] why it did not work the last time.
 * @param {(identity: object) => void} what.onEnter gets the identity with what was entered; `password` as it was typed.
 */
export function entryForm(root, { title, text, submit, identity, fields = ["name", "room"], labels = {}, account = true, error, onEnter }) {
  const inputs = fields.map((name) => field(name, labels[name] ?? t(`entry.${name}`), identity[name], LIMITS[name]));
  const secret = account
    ? ["clientType", "account", "password"].map((name) => field(name, t(`entry.${name}`), identity[name], LIMITS[name]))
    : [];
  const fold = account && el("details.fold", { open: Boolean(identity.account) }, el("summary", { text: t("entry.have-account") }), el("div.form", {}, ...secret.map(({ element }) => element)));
  const form = el(
    "form.form",
    {},
    error && el("p.form-error", { role: "alert", text: error }),
    ...inputs.map(({ element }) => element),
    fold,
    el("button.button.primary.wide", { type: "submit", text: submit ?? t("entry.enter") }),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const entered = Object.fromEntries([...inputs, ...secret].map(({ name, input }) => [name, name === "password" ? input.value : input.value.trim()]));
    onEnter({ ...identity, ...entered });
  });
  root.replaceChildren(el("div.entry", {}, el("h1", { text: title }), text && el("p.soft", { text }), form));
  inputs[0]?.input.focus();
  inputs[0]?.input.select();
}

// C1's limits. The length of an input counts UTF-16 units, the server code points: never more.
const LIMITS = {
  name: { required: true, maxlength: 64, autocomplete: "nickname" },
  room: { required: true, maxlength: 128, autocomplete: "off" },
  userId: { required: true, maxlength: 128, autocomplete: "off" },
  icon: { type: "url", maxlength: 2048, autocomplete: "off", inputmode: "url" },
  target: { maxlength: 128, autocomplete: "off" },
  clientType: { maxlength: 128, autocomplete: "off" },
  account: { maxlength: 128, autocomplete: "username" },
  password: { type: "password", autocomplete: "current-password" },
};

function field(name, label, value, limits) {
  const id = freshId("entry");
  const input = el("input.input", { id, name, type: "text", ...limits });
  input.value = value ?? "";
  return { name, input, element: el("div.field", {}, el("label", { for: id, text: label }), input) };
}
