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
 * How many characters the events of one request may have, each of which is up to three bytes. All scripts of a
 * page share 64 KiB of requests that may outlive it, and that is the server's limit too.
 */
const FULL = 15000;

/**
 * The present page and visitor; the page is told by the first page view.
 * @type {Scene}
 */
export let scene = /** @type {any} */ ({page: {}});

/**
 * The events of the open batch as JSON texts. Serialised once: what a page does to its objects later changes
 * nothing.
 * @type {string[]}
 */
export let events = [];

/**
 * Put an event into the open batch, or where it finds no place there, into another one.
 * @param {string} json
 */
export function add(json) {
  if (events.length >= COUNT || (events + json).length > FULL) close();
  events.push(json);
}

/** The server is to hear of the present state (a consent, a logout) even if nothing happens. */
export function announce() {
  events.push("");
}

/** The open batch is complete: put it on the shelf, if it says anything, and begin another one. */
export function close() {
  if (events.length) put(memory, JSON.stringify(scene).slice(1, -1) + `,"events":[${events.filter(Boolean)}]}`);
  events = [];
}

/**
 * The page or the visitor becomes another.
 * @param {Partial<Scene>} part
 */
export function change(part) {
  close();
  scene = /** @type {any} */ ({...scene, ...part});
}

/** Take the title over as it is now: single-page shops set it some time after the address. */
export function retitle() {
  scene.page.title = copy(document, "title");
}
