/**
 * The events the server has not answered for yet, oldest first, in memory only.
 *
 * An entry without an event carries a change of state (a consent, a logout) that must reach the server even
 * when nothing else waits.
 */
import {copy, fields} from "./copy.js";

/**
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {{id: string, name: string, at: number, params: Record<string, any>}} Event
 * @typedef {object} Entry
 * @property {Partial<Scene>} scene
 * @property {Event} [event]
 * @property {string} json the event as it travels
 * @property {number} size its bytes
 * @property {boolean} [due] it has gathered for long enough
 * @property {boolean} [taken] it was in a request, so it may no longer change
 */

/** How many entries are kept while nothing can be sent. */
const ROOM = 200;

/** How many events one request may hold, as the server has it. */
const BATCH = 100;

/**
 * How many bytes the events of one request may have. All scripts of a page share 64 KiB of requests that may
 * outlive it; with the page and the visitor a batch stays below 48 KiB, and below the server's limit whatever
 * the length of the address and the title.
 */
const BYTES = 32000;

/**
 * What waits, oldest first.
 * @type {Entry[]}
 */
export const queue = [];

/**
 * The time in whole milliseconds; some pages replace Date.now by one that gives fractions. (Not Math.trunc:
 * the minifier makes it `|0`, which keeps 32 bits.)
 * @returns {number}
 */
export function now() {
  return Math.round(Date.now());
}

/**
 * A new event id: a UUID of version 7 (RFC 9562), 48 bits of time before 72 random ones. Not randomUUID,
 * which pages on plain http lack.
 * @param {number} at
 * @returns {string}
 */
function uuid(at) {
  const time = at.toString(16).padStart(12, "0").replace(/.{8}/, "$&-");
  const random = crypto.getRandomValues(new Uint8Array(18));
  let index = 0;
  return time + "-7xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () => (random[index++] & 15).toString(16));
}

/**
 * Give an entry its event. Serialised once, here: what a page does to its objects later changes nothing.
 * @param {Entry} entry
 * @param {Event} event
 */
export function write(entry, event) {
  entry.event = {__proto__: null, ...event};
  entry.json = JSON.stringify(entry.event);
  entry.size = new TextEncoder().encode(entry.json).length;
}

/**
 * Put an entry of the scene at the end: an event, or without a name a change of state. When there is no room
 * the oldest goes, but purchases and changes of state last.
 * @param {Partial<Scene>} scene
 * @param {string} [name]
 * @param {unknown} [params]
 * @returns {Entry}
 */
export function put(scene, name, params) {
  const at = now();
  const entry = {scene, json: "", size: 0};
  if (name) write(entry, {id: uuid(at), name: copy(name), at, params: fields(params)});
  queue.push(entry);
  if (queue.length > ROOM) {
    const least = queue.findIndex(({event}) => event && event.name != "purchase");
    queue.splice(Math.max(least, 0), 1);
  }
  return entry;
}

/**
 * Whether what waits is worth a request at once.
 * @returns {boolean}
 */
export function full() {
  return queue.length >= BATCH || queue.reduce((sum, {size}) => sum + size, 0) > BYTES;
}

/**
 * Take the next batch out: entries of the first one's scene, within the limits of one request.
 * @returns {Entry[]}
 */
export function take() {
  let count = 0;
  let bytes = 0;
  while (count < queue.length && count < BATCH && queue[count].scene == queue[0].scene) {
    bytes += queue[count].size;
    // An event larger than that travels alone.
    if (count && bytes > BYTES) break;
    queue[count++].taken = true;
  }
  return queue.splice(0, count);
}
