// Who is online in a room: told once at joining, then kept by what is heard.

import { avatar, el } from "./dom.js";
import { t } from "./i18n.js";

export class People {
  #users = new Map(); // userId → {name, icon}, in the order of their coming
  #rows = new Map(); // userId → its element

  /**
   * @param {HTMLElement} list a ul
   * @param {HTMLElement} others where it says how many more there are
   * @param {string} me the reader's userId
   */
  constructor(list, others, me) {
    Object.assign(this, { list, others, me });
  }

  /** The whole list (R2): at most as many as the server tells, `count` in truth. */
  fill(users) {
    this.#users.clear();
    this.#rows.clear();
    this.list.replaceChildren();
    for (const { userId, nickName, userIcon } of users) this.#put(userId, nickName, userIcon);
  }

  /** Empty it, for another room. */
  clear() {
    this.fill([]);
    this.show(0);
  }

  /** A notice of the room (N1, N2). */
  hear({ action, userId, nickName }) {
    if (action === "in") this.#put(userId, nickName, this.#users.get(userId)?.icon);
    if (action === "out") this.#remove(userId);
  }

  /** A user has another name or avatar (updateUserInfo); or a message shows an avatar not known before. */
  update({ createUser, nickName, userIcon, eventType }) {
    const user = this.#users.get(createUser);
    if (!user) return;
    const icon = eventType === "updateUserInfo" ? userIcon : user.icon || userIcon;
    this.#put(createUser, nickName, icon);
  }

  /** How many there are in truth: those not in the list are told as a number. */
  show(count) {
    const more = count - this.#users.size;
    this.others.hidden = more <= 0;
    this.others.textContent = more > 0 ? t("room.others", { count: more }) : "";
  }

  #put(userId, name, icon) {
    const known = this.#users.get(userId);
    if (known && known.name === name && (known.icon ?? "") === (icon ?? "")) return;
    this.#users.set(userId, { name, icon });
    const mine = userId === this.me && el("span.badge", { text: t("room.you") });
    const row = el("li.person", {}, avatar(name, icon, userId), el("span.name.truncate", { dir: "auto", text: name }), mine);
    if (known) this.#rows.get(userId).replaceWith(row);
    else this.list.append(row);
    this.#rows.set(userId, row);
  }

  #remove(userId) {
    this.#users.delete(userId);
    this.#rows.get(userId)?.remove();
    this.#rows.delete(userId);
  }
}
