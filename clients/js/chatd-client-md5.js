/** The MD5 of a text's UTF-8, in lower-case hexadecimal: what the protocol wants of a password (C3). */
export function md5(text) {
  const [words, bytes] = padded(utf8(text));
  let [a, b, c, d] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let at = 0; at < bytes / 4; at += 16) {
    const before = [a, b, c, d];
    for (let i = 0; i < 64; i++) {
      const [mixed, word] = step(i, b, c, d);
      const sum = (a + mixed + SINES[i] + words[at + word]) | 0;
      const shift = SHIFTS[i >> 4][i & 3];
      [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
    }
    [a, b, c, d] = [a + before[0], b + before[1], c + before[2], d + before[3]].map((sum) => sum | 0);
  }
  return [a, b, c, d].map(hexadecimal).join("");
}

const SHIFTS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
];
const SINES = Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);

/** What the step `i` of 64 mixes, and which word of the block it takes. */
function step(i, b, c, d) {
  if (i < 16) return [(b & c) | (~b & d), i];
  if (i < 32) return [(d & b) | (~d & c), (5 * i + 1) % 16];
  if (i < 48) return [b ^ c ^ d, (3 * i + 5) % 16];
  return [c ^ (b | ~d), (7 * i) % 16];
}

/** The bytes as little-endian words of whole blocks: a one, zeros, the length in bits. */
function padded(bytes) {
  const length = (((bytes.length + 8) >> 6) + 1) * 64;
  const words = new Int32Array(length / 4);
  [...bytes, 0x80].forEach((byte, i) => (words[i >> 2] |= byte << (8 * (i % 4))));
  words[length / 4 - 2] = bytes.length << 3;
  words[length / 4 - 1] = bytes.length >>> 29;
  return [words, length];
}

/** Without TextEncoder, which mini programs do not have. */
function utf8(text) {
  const bytes = [];
  for (const character of text) {
    const code = character.codePointAt(0);
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), tail(code));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), tail(code >> 6), tail(code));
    else bytes.push(0xf0 | (code >> 18), tail(code >> 12), tail(code >> 6), tail(code));
  }
  return bytes;
}

function tail(code) {
  return 0x80 | (code & 0x3f);
}

function hexadecimal(word) {
  return [0, 8, 16, 24].map((shift) => ((word >>> shift) & 0xff).toString(16).padStart(2, "0")).join("");
}
