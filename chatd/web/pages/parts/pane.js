// One conversation on the agent's screen, or the talk of the room: what was said, canned replies, where one writes.

import { Composer } from "./composer.js";
import { avatar, el, freshId, icon } from "./dom.js";
import { t } from "./i18n.js";
import { explain } from "./refusals.js";
import { Transcript } from "./transcript.js";

const PAGE = 50; // messages of a scroll-back

export class Pane {
  #client;
  #conversation;
  #acts;
  #offered; // the canned replies that are there, as text

  /**
   * @param {import("../chatd-client.js").ChatClient} client
   * @param {import("./roster.js").Conversation | null} conversation null: the room.
   * @param {{back: () => void, end: () => void, dismiss: () => void, touched: () => void}} acts what its buttons do; touched:
   *   the agent turns to it.
   */
  constructor(client, conversation, acts) {
    this.#client = client;
    this.#conversation = conversation;
    this.#acts = acts;
    this.root = this.#build();
    this.transcript = new Transcript(this.place, { me: client.userId, earlier: () => this.#earlier(), label: t("agent.log", { name: this.#name }) });
    this.composer = new Composer(this.footer, { onText: (text) => this.#send({ messageType: "text", messageContent: text }), onMedia: (draft) => this.#send(draft) });
    this.update();
  }

  /** @type {import("./roster.js").Conversation | null} */
  get conversation() {
    return this.#conversation;
  }

  get id() {
    return this.#conversation?.id ?? null;
  }

  get #name() {
    return this.#conversation?.name ?? t("agent.room-talk");
  }

  /** Show what has changed of its conversation. */
  update() {
    const conversation = this.#conversation;
    if (!conversation) {
      this.about.textContent = t("agent.room-about", { room: this.#client.roomName });
      return;
    }
    this.title.textContent = conversation.name;
    const known = `${conversation.name} ${conversation.icon}`;
    if (this.face.dataset.known !== known) this.face.replaceChildren(avatar(conversation.name, conversation.icon, conversation.id));
    this.face.dataset.known = known;
    this.about.textContent = conversation.targetId || conversation.id;
    this.about.title = conversation.targetId ? `${conversation.targetId} · ${conversation.id}` : conversation.id;
    this.dot.classList.toggle("on", conversation.here);
    this.presence.textContent = conversation.here ? t("agent.here") : t("agent.away");
    const open = conversation.state === "open";
    this.footer.hidden = this.endButton.hidden = !open;
    this.over.hidden = open;
    this.replies.hidden = !open || !this.replies.childElementCount;
    this.root.classList.toggle("closed", !open);
  }

  /** The canned replies, texts by code. */
  offer(replies) {
    const offered = JSON.stringify(replies);
    if (offered === this.#offered) return; // a button that is made anew loses the focus, and the click under way
    this.#offered = offered;
    const chips = Object.entries(replies).map(([code, text]) =>
      el("button.chip", { title: text, "aria-label": t("agent.reply", { code, text }), on: { click: () => this.#reply(code) } }, el("b", { text: code }), el("span", { text })),
    );
    this.replies.replaceChildren(...chips);
    this.update();
  }

  /** It is wanted no more. */
  end() {
    this.transcript.end();
    this.root.remove();
  }

  /** Let the agent write. */
  focus() {
    if (this.footer.hidden) this.title.focus();
    else this.composer.focus();
  }

  // -- its elements -------------------------------------------------------------------------------------

  #build() {
    const id = freshId("pane");
    this.title = el("h2.truncate", { id, tabindex: -1, dir: "auto", text: this.#name });
    this.face = el("div.pane-face", {}, this.#conversation ? null : el("span.pane-mark", {}, icon("group")));
    this.about = el("span.truncate", { dir: "auto" });
    this.dot = el("span.dot");
    this.presence = el("span");
    const presence = this.#conversation && el("span.pane-presence", {}, this.dot, this.presence);
    this.endButton = el("button.button.small.pane-end", { hidden: true, on: { click: this.#acts.end } }, icon("check"), el("span", { text: t("agent.end") }));
    const head = el(
      "header.pane-head",
      {},
      el("button.button.quiet.icon-only.pane-back", { "aria-label": t("agent.back"), title: t("agent.back"), on: { click: this.#acts.back } }, icon("back")),
      this.face,
      el("div.grow", {}, this.title, el("p.pane-about", {}, presence, this.about)),
      this.endButton,
    );
    this.place = el("div");
    this.replies = el("div.chips", { role: "group", "aria-label": t("agent.replies"), hidden: true });
    this.told = el("p.pane-told", { role: "alert", hidden: true });
    this.over = el(
      "div.pane-over",
      { hidden: true },
      el("p", { text: t("agent.over") }),
      el("button.button.small", { text: t("agent.dismiss"), on: { click: this.#acts.dismiss } }),
    );
    this.footer = el("div");
    const root = el("section.pane", { "aria-labelledby": id, hidden: true }, head, this.place, this.replies, this.told, this.over, this.footer);
    root.addEventListener("focusin", this.#acts.touched);
    root.addEventListener("pointerdown", this.#acts.touched);
    return root;
  }

  // -- what the agent does ------------------------------------------------------------------------------

  get #where() {
    return this.#conversation ? { containerId: this.#conversation.id } : {};
  }

  #send(draft) {
    const sent = this.#client.send({ ...draft, ...this.#where });
    this.transcript.pend(sent, draft, () => {
      this.#send(draft);
      this.composer.focus();
    });
  }

  async #reply(code) {
    this.told.hidden = true;
    this.composer.focus();
    try {
      this.transcript.add(await this.#client.autoReturn(code, this.#conversation.id));
    } catch (error) {
      this.told.textContent = explain(error);
      this.told.hidden = false;
    }
  }

  async #earlier() {
    const page = await this.#client.history({ ...this.#where, before: this.transcript.oldest, limit: PAGE });
    for (const message of page.messages) this.#conversation?.learn(message);
    this.transcript.prepend(page.messages.filter((message) => message.eventType !== "createContainer"));
    this.#acts.touched();
    return page.more;
  }
}
