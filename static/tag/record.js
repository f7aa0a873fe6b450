/** Something has happened: it becomes an event of the open batch, to leave after the page has had its turn. */
import {tell} from "./quiet.js";
import {fields} from "./copy.js";
import {now} from "./clock.js";
import {add} from "./batch.js";
import {later, soon} from "./send.js";

/** The characters of an event that no request can hold. */
const LARGEST = 60000;

/**
 * @typedef {{id: string, name: string, at: number, params: Record<string, any>}} Event
 */

/**
 * A new event id: a UUID of version 7 (RFC 9562), 48 bits of time before 72 random ones. It has to be unique,
 * not secret; and `crypto` is not what it should be on every page. (Until 2527 the time has 11 digits.)
 * @param {number} at
 * @returns {string}
 */
function uuid(at) {
  const time = ("0" + at.toString(16)).replace(/.{8}/, "$&-");
  return time + "-7xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () => ((Math.random() * 16) | 0).toString(16));
}

/**
 * Put an event into the open batch.
 * @param {string} name
 * @param {unknown} [params]
 * @returns {Event}
 */
export function record(name, params) {
  const at = now();
  const event = {__proto__: null, id: uuid(at), name, at, params: fields(params)};
  const json = JSON.stringify(event);
  if (json.length > LARGEST) tell("drop", event, "too large");
  else {
    tell("event", event);
    if (add(json)) later();
    soon();
  }
  return event;
}
