// The admin API, as the pages' port answers it: what there is, for who has the token.

const PATIENCE = 10_000; // ms

/** An answer that is no success. `status` is the HTTP status; 0: there was none. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Asks with a token. */
export class Office {
  #token;

  constructor(token) {
    this.#token = token;
  }

  /** Whether a text can be a token at all, which a header could carry. */
  static couldBe(token) {
    return /^[\x21-\x7e]+$/.test(token);
  }

  /**
   * @param {string} path such as "v1/rooms"
   * @param {number[]} [statuses] that are answers as well.
   * @returns {Promise<Response>}
   * @throws {Refused}
   */
  async get(path, statuses = []) {
    let answer;
    try {
      answer = await fetch(`/admin/api/${path}`, {
        headers: { Authorization: `Bearer ${this.#token}` },
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch (error) {
      throw new Refused(0, String(error));
    }
    if (!answer.ok && !statuses.includes(answer.status)) throw new Refused(answer.status, `${path}: ${answer.status}`);
    return answer;
  }

  /** The JSON of an answer. @throws {Refused} */
  async read(path, statuses = []) {
    const answer = await this.get(path, statuses);
    try {
      return await answer.json();
    } catch (error) {
      throw new Refused(0, String(error)); // broken off
    }
  }
}
