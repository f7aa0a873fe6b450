/**
 * The open batch: whose events they are, on which page, and the events themselves. It is closed, and a new one
 * begun, when it leaves, when it is full, and before the page or the visitor becomes another; so events keep
 * the page and the visitor they happened with.
 */
import {copy} from "./copy.js";
import {memory, put} from "./shelf.js";

/**
 * @typedef {{url: string, referrer: string, title: string, type?: string}} Page
 * @typedef {{page: Page, user?: Record<string, any> | null}} Scene
 *   user: undefined, nothing is known here; null, the server is to forget whom it knew
 */

/** How many events one request may hold, as the server has it. */
const COUNT = 100;

/**
 * How many bytes the events of one request may have. All scripts of a page share 64 KiB of requests that may
 * outlive it; with the page and the visitor a batch stays below 48 KiB, and below the server's limit whatever
 * the length of the address and the title.
 */
const BYTES = 32000;

/**
 * The present page and visitor; there is a page from the first page view on.
 * @type {Scene}
 */
export let scene = /** @type {any} */ ({__proto__: null});

/**
 * The events of the open batch as JSON texts. Serialised once: what a page does to its objects later changes
 * nothing.
 * @type {string[]}
 */
export let events = [];

/** The bytes of these. */
let bytes = 0;

/** Whether a change of state (a consent, a logout) must reach the server even when there is no event. */
let news = false;

/**
 * The bytes of a text in UTF-8.
 * @param {string} text
 * @returns {number}
 */
export function size(text) {
  return new TextEncoder().encode(text).length;
}

/**
 * Put an event into the open batch; true when it found no place there, and is the first of another one.
 * @param {string} json
 * @returns {boolean}
 */
export function add(json) {
  const more = size(json);
  const full = events.length >= COUNT || bytes + more > BYTES;
  if (full) close();
  events.push(json);
  bytes += more;
  return full;
}

/** The server is to hear of the present state even if nothing happens. */
export function announce() {
  news = true;
}

/** The open batch is complete: put it on the shelf, if it says anything, and begin another one. */
export function close() {
  if (events[0] || news) put(memory, JSON.stringify(scene).slice(1, -1) + `,"events":[${events}]}`);
  events = [];
  bytes = 0;
  news = false;
}

/**
 * The page or the visitor becomes another.
 * @param {Partial<Scene>} part
 */
export function change(part) {
  close();
  scene = /** @type {any} */ ({__proto__: null, ...scene, ...part});
}

/** Take the title over as it is now: single-page shops set it some time after the address. */
export function retitle() {
  scene.page.title = copy(document.title);
}
