// A page's own way to send files: it stores what the customer chose, and tells the address.

import { el } from "./dom.js";

const ACCEPTED = { picture: "image/*", video: "video/*", voice: "audio/*" };

/** Let the customer choose a file. @returns {Promise<File | undefined>} */
export function chooseFile(kind, near) {
  const input = el("input", { type: "file", accept: ACCEPTED[kind], hidden: true });
  near.append(input);
  return new Promise((resolve) => {
    input.addEventListener("change", () => resolve(input.files[0]));
    input.addEventListener("cancel", () => resolve(undefined));
    input.click();
  }).finally(() => input.remove());
}

/**
 * Ask the page. @returns {Promise<object | undefined>} what is to be sent (M2), if anything is.
 * @param {(file?: File) => Promise<{kind: string, file: string, previewUrl?: string, duration?: number} | null>} hook
 */
export async function hooked(hook, file) {
  const stored = await hook(file);
  if (!stored) return undefined;
  const { kind, ...accessoryContent } = stored;
  return { messageType: kind, accessoryContent };
}
