// A player for a voice message: one button, how far it is, how long it is. One plays at a time.

import { el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { duration } from "./times.js";

let playing; // the audio that is to be heard now

/**
 * @param {string} address of the sound.
 * @param {number|undefined} seconds as the sender says; the file's own length is believed once it is known.
 * @param {() => HTMLElement} instead takes the player's place when the file cannot be played.
 */
export function voicePlayer(address, seconds, instead) {
  const audio = el("audio", { preload: "none" });
  const button = el("button.voice-button", { "aria-label": t("content.play-voice") }, icon("play"));
  const track = el("progress.voice-track", { max: 1, value: 0, "aria-label": t("content.voice-position") });
  const left = el("span.voice-length", { text: typeof seconds === "number" ? duration(seconds) : "" });
  const player = el("div.voice", { role: "group", "aria-label": t("content.voice") }, button, track, left, audio);
  const length = () => (Number.isFinite(audio.duration) ? audio.duration : (seconds ?? 0));

  const show = () => {
    button.replaceChildren(icon(audio.paused ? "play" : "pause"));
    button.setAttribute("aria-label", t(audio.paused ? "content.play-voice" : "content.pause-voice"));
  };
  button.addEventListener("click", () => {
    if (!audio.paused) return audio.pause();
    if (playing !== audio) playing?.pause();
    playing = audio;
    if (!audio.src) audio.src = address; // not before it is wanted
    return audio.play().catch(() => {}); // "error" below tells of it
  });
  audio.addEventListener("play", show);
  audio.addEventListener("pause", show);
  audio.addEventListener("ended", () => {
    track.value = 0;
    left.textContent = duration(length());
  });
  audio.addEventListener("timeupdate", () => {
    if (!length() || audio.ended) return;
    track.value = Math.min(1, audio.currentTime / length());
    left.textContent = duration(length() - audio.currentTime);
  });
  audio.addEventListener("error", () => player.replaceWith(instead()));
  return player;
}
