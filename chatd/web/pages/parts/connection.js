// A bar that says how the connection is, when it is not as it should be.

import { el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { explainClose } from "./refusals.js";

/**
 * Follow a client's state. While it is joined the bar is out of the way.
 *
 * @param {HTMLElement} root an empty element, above the conversation.
 * @param {import("../chatd-client.js").ChatClient} client
 * @param {object} [options]
 * @param {() => void} [options.again] what the button does after a refusal, for instance to ask for another name.
 * @param {() => void} [options.focus] gives the focus to what comes next for the reader, where the bar had it and goes.
 * @returns {() => void} stop following, and remove the bar.
 */
export function connectionBar(root, client, { again, focus } = {}) {
  const text = el("span", { role: "status", "aria-live": "polite" });
  const seconds = el("span.connection-seconds", { "aria-hidden": "true" }); // told once, not each second
  const button = el("button.button.small");
  const bar = el("div.connection", { hidden: true }, icon("warning"), el("p", {}, text, " ", seconds), button);
  let timer;
  let press = () => {};
  button.addEventListener("click", () => press());
  root.append(bar);

  const show = (kind, sentence, action) => {
    clearInterval(timer);
    seconds.textContent = "";
    const hadFocus = button.matches(":focus");
    bar.hidden = !kind;
    bar.dataset.kind = kind;
    if (text.textContent !== sentence) text.textContent = sentence;
    const busy = !action && kind === "connecting" && hadFocus; // who has just pressed it may have to do so again
    button.hidden = !action && !busy;
    button.setAttribute("aria-disabled", String(busy));
    if (!busy) button.textContent = action?.text ?? "";
    press = action?.press ?? (() => {});
    if (hadFocus && button.hidden) focus?.();
  };
  const count = (retryIn) => {
    const end = performance.now() + retryIn;
    const tick = () => {
      const left = Math.ceil((end - performance.now()) / 1000);
      seconds.textContent = left > 0 ? t("connection.retry", { count: left }) : "";
    };
    tick();
    timer = setInterval(tick, 1000);
  };
  let joined = false;
  const follow = ({ state, code, reason, retryIn }) => {
    if (state === "joined") {
      joined = true;
      show("", "");
    } else if (state === "waiting") {
      show("waiting", t("connection.lost"), { text: t("connection.now"), press: () => client.wake() });
      if (retryIn > 0) count(retryIn);
    } else if (state === "connecting") {
      show("connecting", joined ? t("connection.again") : t("connection.connecting"));
    } else if (state === "closed" && code !== 1000) {
      show("refused", explainClose(code, reason), again && { text: t("connection.change"), press: again });
    } else show("", "");
  };
  const stop = client.on("state", follow);
  follow({ state: client.state });
  return () => {
    stop();
    clearInterval(timer);
    bar.remove();
  };
}
