// Why the server refused something, in words for people.

import { has, t } from "./i18n.js";

/** A ChatError's code in the reader's language; an unknown one by what the server says of it. */
export function explain(error) {
  const key = `refused.${error?.code}`;
  return has(key) ? t(key, { detail: error.message ?? "" }) : String(error?.message || error?.code || t("refused.unknown"));
}

/** Why a connection was closed for good: by its close code. */
export function explainClose(code, reason) {
  const key = `closed.${code}`;
  return has(key) ? t(key, { detail: reason ?? "" }) : reason || t("closed.other", { code: code ?? "" });
}
