// The words of the pages in the reader's language: Chinese for who prefers it, else English.

import english from "./words.en.js";
import chinese from "./words.zh.js";

const DICTIONARIES = { en: english, zh: chinese };

/** The language of the page: "zh" or "en". `?lang=` decides, else the first of the browser's that is one of them. */
export let lang = choose(new URLSearchParams(location.search).get("lang"));

function choose(asked) {
  for (const tag of [asked, ...(navigator.languages ?? [])]) {
    const code = String(tag ?? "").slice(0, 2).toLowerCase();
    if (code in DICTIONARIES) return code;
  }
  return "en";
}

/** Use another language from now on: for a widget, whose page says which. Unknown ones change nothing. */
export function setLanguage(asked) {
  if (asked) lang = choose(asked);
}

/** The tag for Intl: with the reader's own region where he has named one. */
export function locale() {
  return (navigator.languages ?? []).find((tag) => tag.slice(0, 2).toLowerCase() === lang) ?? (lang === "zh" ? "zh-CN" : "en");
}

/**
 * The words for a key, with `{name}` replaced by values.name. Where values has a `count`, `key.one` is taken for
 * those numbers that the language treats as one, if there is such a key. An unknown key is returned as it is.
 */
export function t(key, values = {}) {
  const words = DICTIONARIES[lang];
  const one = "count" in values && `${key}.${new Intl.PluralRules(lang).select(values.count)}`;
  const text = (one ? words[one] : undefined) ?? words[key] ?? english[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Whether there are words for a key. */
export function has(key) {
  return key in english;
}

/**
 * Fill in the words of a part of the page: the text of [data-i18n], the aria-label (and the tooltip of buttons) of
 * [data-i18n-label], the placeholder of [data-i18n-placeholder]. The document's own language is set too.
 */
export function localize(root = document) {
  if (root === document) document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  for (const element of root.querySelectorAll("[data-i18n]")) element.textContent = t(element.dataset.i18n);
  for (const element of root.querySelectorAll("[data-i18n-label]")) {
    element.setAttribute("aria-label", t(element.dataset.i18nLabel));
    if (element.tagName === "BUTTON") element.title = t(element.dataset.i18nLabel);
  }
  for (const element of root.querySelectorAll("[data-i18n-placeholder]")) {
    element.placeholder = t(element.dataset.i18nPlaceholder);
  }
}
