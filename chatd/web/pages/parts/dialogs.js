// A form in a dialog.

import { el, focusedNear, freshId, scopeOf } from "./dom.js";
import { t } from "./i18n.js";

/**
 * Ask for some fields.
 *
 * @param {object} what
 * @param {string} what.title
 * @param {string} [what.submit] the button's words.
 * @param {boolean} [what.danger] whether what it does cannot be undone.
 * @param {string} [what.text] a sentence above the fields.
 * @param {Element} [what.near] what it belongs to, where that may be in a shadow root.
 * @param {{name: string, label: string, type?: string, hint?: string, value?: string, required?: boolean, pattern?: string,
 *   maxlength?: number, min?: number, step?: string, inputmode?: string, multiline?: boolean, check?: (value: string) => string}[]} [what.fields]
 *   `check` returns what is wrong, or "".
 * @returns {Promise<Object<string, string>|undefined>} the trimmed values; undefined if nothing is to be done.
 */
export function ask({ title, submit, danger, text, near, fields = [] }) {
  const opener = focusedNear(near);
  const heading = freshId("dialog");
  const inputs = fields.map(field);
  const form = el(
    "form.form",
    { method: "dialog" },
    text && el("p", { text }),
    ...inputs.map((input) => input.element),
    el(
      "div.form-row",
      {},
      el("button.button", { text: t("cancel"), on: { click: () => dialog.close() } }),
      el(danger ? "button.button.danger" : "button.button.primary", { type: "submit", text: submit ?? t("ok") }),
    ),
  );
  const dialog = el("dialog", { "aria-labelledby": heading }, el("h2", { id: heading, text: title }), form);
  scopeOf(near).append(dialog);
  return new Promise((resolve) => {
    let answer;
    form.addEventListener("submit", () => {
      answer = Object.fromEntries(inputs.map(({ name, input }) => [name, input.value.trim()]));
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      opener?.focus?.();
      resolve(answer);
    });
    dialog.showModal();
  });
}

/** Ask whether to do it. */
export async function confirm(what) {
  return (await ask(what)) !== undefined;
}

function field({ name, label, hint, value, multiline, check, type = "text", ...rest }) {
  const id = freshId("field");
  const about = hint && freshId("hint");
  const properties = { id, name, "aria-describedby": about, autocomplete: "off", ...rest };
  const input = multiline ? el("textarea.input", properties) : el("input.input", { type, ...properties });
  input.value = value ?? "";
  if (check) input.addEventListener("input", () => input.setCustomValidity(check(input.value.trim())));
  const element = el("div.field", {}, el("label", { for: id, text: label }), input, hint && el("p.hint", { id: about, text: hint }));
  return { name, input, element };
}
