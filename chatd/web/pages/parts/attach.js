// Asks for the address of a picture, video or voice message, or for the parts of a custom event.

import { ask } from "./dialogs.js";
import { webAddress } from "./dom.js";
import { t } from "./i18n.js";

const address = (value) => (!value || webAddress(value) ? "" : t("attach.bad-address"));

function json(value) {
  try {
    if (value) JSON.parse(value);
    return "";
  } catch {
    return t("attach.bad-json");
  }
}

const file = () => ({ name: "file", label: t("attach.file"), type: "url", required: true, inputmode: "url", hint: t("attach.file-hint"), check: address });
const preview = () => ({ name: "previewUrl", label: t("attach.preview"), type: "url", inputmode: "url", check: address });
const seconds = () => ({ name: "duration", label: t("attach.duration"), type: "number", min: 0, step: "any" });
const caption = () => ({ name: "messageContent", label: t("attach.caption") });

const FIELDS = {
  picture: () => [file(), preview(), caption()],
  video: () => [file(), preview(), seconds(), caption()],
  voice: () => [file(), seconds()],
  event: () => [
    { name: "eventType", label: t("attach.event-type"), required: true },
    { name: "eventDescription", label: t("attach.event-description") },
    { name: "customContent", label: t("attach.event-content"), multiline: true, hint: t("attach.event-content-hint"), check: json },
  ],
};

/**
 * Ask for what a message of a kind needs (M2).
 *
 * @param {"picture"|"video"|"voice"|"event"} kind
 * @param {Element} [near] what the dialog belongs to, where that may be in a shadow root.
 * @returns {Promise<object|undefined>} messageType, accessoryContent and perhaps messageContent; undefined: cancelled.
 */
export async function askAttachment(kind, near) {
  const answer = await ask({ title: t(`attach.${kind}`), submit: t("composer.send"), fields: FIELDS[kind](), near });
  if (!answer) return undefined;
  const { messageContent, ...parts } = answer;
  const accessoryContent = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== ""));
  if (accessoryContent.duration !== undefined) accessoryContent.duration = Number(accessoryContent.duration);
  if (accessoryContent.customContent !== undefined) accessoryContent.customContent = JSON.parse(accessoryContent.customContent);
  return { messageType: kind, accessoryContent, ...(messageContent ? { messageContent } : {}) };
}
