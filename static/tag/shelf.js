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
import {tell} from "./quiet.js";
import {allowed} from "./consent.js";

/** How many characters each of the two holds. The shop's own storage ends at some millions. */
const ROOM = 64000;

/** How long something is worth sending, in milliseconds. */
const WEEK = 6048e5;

/** How many keys this page has made. */
let made = 1e6;

/**
 * What lies in memory, by key.
 * @type {Record<string, any>}
 */
export const memory = {__proto__: null};

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
    if ((room -= shelf[other].length) < 0) {
      tell("drop", shelf[other], "room");
      delete shelf[other];
    }
  }
}

/**
 * Put what lies in memory into the browser's storage as well, if that is allowed and possible.
 * @param {string} key
 * @returns {boolean | undefined} whether it lies there now
 */
export function store(key) {
  try {
    if (allowed()) put(localStorage, memory[key], key);
    return key in localStorage;
  } catch {}
}

/**
 * Nothing of this lies anywhere any more.
 * @param {string} key
 */
export function remove(key) {
  delete memory[key];
  try {
    delete localStorage[key];
  } catch {}
}

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
