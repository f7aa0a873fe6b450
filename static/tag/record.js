/** Something has happened: it becomes an event of the open batch, to leave after the page has had its turn. */
import {tell} from "./quiet.js";
import {fields} from "./copy.js";
import {now} from "./clock.js";
import {described} from "./product.js";
import {add} from "./batch.js";

/**
 * @typedef {{id: string, name: string, at: number, params: Record<string, any>}} Event
 */

/**
 * A new event id: a UUID of version 7 (RFC 9562), 48 bits of time before 18 random digits. It has to be unique,
 * not secret; and `crypto` is not what it should be on every page. (Until 2527 the time has 11 digits.)
 * @param {number} at
 * @returns {string}
 */
function uuid(at) {
  const time = "0" + at.toString(16);
  const digits = (count) => (1e11 + Math.random() * 9e11 + "").slice(0, count);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${digits(3)}-8${digits(3)}-${digits(12)}`;
}

/**
 * Put an event into the open batch.
 * @param {string} name
 * @param {unknown} [params]
 * @returns {Event}
 */
export function record(name, params) {
  const at = now();
  const event = {id: uuid(at), name, at, params: fields(described(name, params))};
  tell("event", event);
  add(JSON.stringify(event));
  return event;
}
