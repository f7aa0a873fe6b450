/** What a page can say of events and of the visitor: one function a command, taking what follows its name. */
import {fields} from "./copy.js";
import {decide, granted} from "./consent.js";
import {change, scene} from "./scene.js";
import {full, put} from "./queue.js";
import {atOnce, soon} from "./send.js";

/**
 * Queue an event of the present scene, or without a name a change of state, to be sent after the page has
 * had its turn.
 * @param {string} [name]
 * @param {unknown} [params]
 * @returns {import("./queue.js").Entry}
 */
export function record(name, params) {
  const entry = put(scene, name, params);
  if (full()) atOnce();
  else soon();
  return entry;
}

/**
 * Something happened.
 * @param {unknown} name
 * @param {unknown} [params]
 */
export function track(name, params) {
  if (typeof name == "string") record(name, params);
}

/**
 * Who the visitor is; fields other than the three ids are params of the event. An id other than before is
 * somebody else, who inherits nothing.
 * @param {unknown} params
 */
export function identify(params) {
  const traits = fields(params);
  const {user: known} = scene;
  /** @type {Record<string, any>} */
  const user = {__proto__: null};
  for (const key of ["id", "email", "phone"]) {
    const value = traits[key];
    delete traits[key];
    // Many shops give guests the id 0.
    if (value && typeof value != "object") user[key] = "" + value;
  }
  if (Object.keys(user)[0]) {
    if (known === null || (known && known.id && user.id && known.id != user.id)) {
      atOnce();
      change({user});
    } else scene.user = {__proto__: null, ...known, ...user};
  }
  record("identify", traits);
}

/** The visitor has logged out. What waits still belongs to them; the server is to forget who they were. */
export function reset() {
  atOnce();
  change({user: null});
  record();
}

/**
 * The visitor has decided: purposes, each "granted" or "denied". Every change is told; a withdrawal at once.
 * @param {unknown} decisions
 */
export function consented(decisions) {
  if (!decide(fields(decisions))) return;
  record();
  if (!granted()) atOnce();
}
