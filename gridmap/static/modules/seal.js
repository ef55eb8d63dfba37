/**
 * Closing an envelope that only the server can open: ECDH P-256 with a key made for this one envelope, HKDF-SHA256,
 * AES-256-GCM bound to the submission's id. Who finds the phone finds ciphertext; not even this page can read it back.
 *
 * @typedef {{kid: string, jwk: JsonWebKey}} ServerKey  as /submissions/key gives it
 * @typedef {{kid: string, epk: string, iv: string, ct: string}} Sealed  all but kid are base64url
 */
const INFO = "gridmap.outbox.v1";
const bytes = (text) => new TextEncoder().encode(text);

/** Tell whether this address gives us the browser's cryptography: https, or this very machine. */
export const canSeal = () => Boolean(globalThis.crypto?.subtle);

/** @param {ArrayBuffer|Uint8Array} raw @returns {string} base64url without padding */
export function base64url(raw) {
  const view = raw instanceof Uint8Array ? raw : new Uint8Array(raw);
  let text = "";
  for (let i = 0; i < view.length; i += 0x8000) text += String.fromCharCode(...view.subarray(i, i + 0x8000));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * @param {string} plaintext  what the server shall read
 * @param {string} id  the submission's UUID: an envelope opens under no other
 * @param {ServerKey} key
 * @returns {Promise<Sealed>}
 */
export async function seal(plaintext, id, key) {
  const { subtle } = crypto;
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const { kty, crv, x, y } = key.jwk;
  const theirs = await subtle.importKey("jwk", { kty, crv, x, y, ext: true }, curve, false, []);
  const ours = await subtle.generateKey(curve, false, ["deriveBits"]);
  const shared = await subtle.deriveBits({ name: "ECDH", public: theirs }, ours.privateKey, 256);
  const stem = await subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const secret = await subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: bytes(INFO) },
    stem,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt"],
  );
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const lock = { name: "AES-GCM", iv, additionalData: bytes(id.toLowerCase()) };
  const [ct, epk] = await Promise.all([
    subtle.encrypt(lock, secret, bytes(plaintext)),
    subtle.exportKey("raw", ours.publicKey),
  ]);
  return { kid: key.kid, epk: base64url(epk), iv: base64url(iv), ct: base64url(ct) };
}

/** @param {string} text @returns {Promise<string>} SHA-256 of its UTF-8 bytes, as the server's receipt writes it */
export async function sha256(text) {
  const raw = canSeal() ? await crypto.subtle.digest("SHA-256", bytes(text)) : plainSha256(bytes(text));
  return [...new Uint8Array(raw)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** FIPS 180-4, for plain-http addresses, where browsers lend nobody their own. */
export function plainSha256(message) {
  const [roots, start] = constants();
  const length = message.length;
  const padded = new Uint8Array(((length + 72) >> 6) << 6);
  padded.set(message);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(length / 0x20000000));
  view.setUint32(padded.length - 4, (length << 3) >>> 0);
  const state = Uint32Array.from(start);
  const w = new Uint32Array(64);
  const turn = (n, by) => (n >>> by) | (n << (32 - by));
  for (let at = 0; at < padded.length; at += 64) {
    for (let i = 0; i < 16; i += 1) w[i] = view.getUint32(at + 4 * i);
    for (let i = 16; i < 64; i += 1) {
      const a = w[i - 15];
      const b = w[i - 2];
      w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i += 1) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + roots[i] + w[i]) >>> 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) >>> 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) >>> 0, c, b, a, (one + two) >>> 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] += word; });
  }
  const out = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => out.setUint32(4 * i, word));
  return out.buffer;
}

/** The first 32 bits of the fractional parts of cube and square roots of the first primes. */
function constants() {
  const primes = [];
  for (let n = 2; primes.length < 64; n += 1) if (primes.every((p) => n % p)) primes.push(n);
  const part = (x) => ((x - Math.floor(x)) * 0x100000000) >>> 0;
  return [primes.map((p) => part(Math.cbrt(p))), primes.slice(0, 8).map((p) => part(Math.sqrt(p)))];
}
