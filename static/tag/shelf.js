/**
 * Where closed batches lie until the server has answered for them: in the page's memory, and those that could
 * not be sent in the browser's storage, from where any later page of the shop sends them.
 *
 * Each has a key of its own, so no two tabs ever write the same one. Keys sort by time, and end in the batch's
 * worth. A batch lies there as the JSON text that it will travel as, but for its head: what is true at the
 * time of sending comes before it.
 */
import {ENDPOINT} from "./settings.js";
import {now} from "./clock.js";
import {quiet} from "./quiet.js";
import {allowed} from "./consent.js";

/** Under which key the word of a withdrawal lies: no event, no page, no user. */
export const WITHDRAWAL = ENDPOINT + " 0";

/**
 * How many characters each of the two holds. All scripts of a page share 64 KiB of requests that may outlive it,
 * and the shop's own storage ends at some millions.
 */
const ROOM = 45000;

/** How long something is worth sending, in milliseconds. */
const WEEK = 6048e5;

/** How many keys this page has made. */
let made = 1e6;

/**
 * What lies in memory, by key.
 * @type {Record<string, any>}
 */
export const memory = {};

/**
 * The keys of what lies there, oldest first.
 * @param {Record<string, string>} shelf
 * @returns {string[]}
 */
export function keys(shelf) {
  return Object.keys(shelf).filter((key) => key.startsWith(ENDPOINT + " ")).sort();
}

/**
 * Put a batch there. When that is too much the oldest goes, but purchases last.
 * @param {Record<string, string>} shelf
 * @param {string} text
 * @param {string} [key]
 */
export function put(shelf, text, key) {
  const worth = +text.includes('"name":"purchase"');
  shelf[key || [ENDPOINT, now(), made++, Math.random(), worth].join(" ")] = text;
  let room = ROOM;
  const worthiest = keys(shelf).reverse().sort((a, b) => +b.slice(-1) - +a.slice(-1));
  for (const other of worthiest) {
    room -= shelf[other].length;
    if (room < 0) delete shelf[other];
  }
}

/**
 * Put what lies in memory into the browser's storage as well, if that is allowed and possible; true when it lies
 * there now.
 * @type {(key: string) => boolean | undefined}
 */
export const store = quiet((key) => {
  if (allowed()) put(localStorage, memory[key], key);
  return key in localStorage;
});

/**
 * Nothing of this lies anywhere any more.
 * @type {(key: string) => void}
 */
export const remove = quiet((key) => {
  delete memory[key];
  delete localStorage[key];
});

/**
 * The keys of what earlier pages and other tabs have left in the browser's storage, oldest first.
 * @returns {string[]}
 */
export function stored() {
  try {
    return keys(localStorage).filter((key) => key > ENDPOINT + " " + (now() - WEEK) || remove(key));
  } catch {
    return [];
  }
}
