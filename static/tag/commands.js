/**
 * What can be said of events and of the visitor, and the one door by which it is said.
 *
 * Whatever hears of something, the page's own pushes or a reader of the page (a data layer, attributes, a
 * consent tool), calls `command`, which never throws.
 */
import {ENDPOINT} from "./settings.js";
import {listen, quiet, tell} from "./quiet.js";
import {fields} from "./copy.js";
import {allowed, decide} from "./consent.js";
import {memory, put, WITHDRAWAL} from "./shelf.js";
import {announce, change, scene} from "./batch.js";
import {later} from "./send.js";
import {record} from "./record.js";
import {page, route} from "./pages.js";

/**
 * The orders that this page has told; nobody orders twice under one number.
 * @type {Record<string, unknown>}
 */
const orders = {};

/**
 * Something happened.
 * @param {unknown} name
 * @param {unknown} [params]
 */
function track(name, params) {
  if (!name || typeof name != "string") return;
  const order = name + " " + Object(params).transaction_id;
  if (!orders[order]) record(name, params);
  orders[order] = name == "purchase";
}

/**
 * Who the visitor is; fields other than the three ids are params of the event. An id other than before is
 * somebody else, who inherits nothing.
 * @param {unknown} params
 */
function identify(params) {
  const traits = fields(params);
  const {user: known} = scene;
  /** @type {Record<string, any> | undefined} */
  let user;
  for (const key of ["id", "email", "phone"]) {
    const value = traits[key];
    delete traits[key];
    // Many shops give guests the id 0.
    if (value && typeof value != "object") user = {...user, [key]: "" + value};
  }
  if (user) {
    if (known === null || (known?.id && user.id && known.id != user.id)) change({user});
    else scene.user = {...known, ...user};
  }
  record("identify", traits);
}

/** The visitor has logged out. What waits still belongs to them; the server is to forget who they were. */
function reset() {
  change({user: null});
  changed();
}

/** The state has changed, and the server is to hear of it even if nothing happens. */
function changed() {
  announce();
  later();
}

/**
 * The visitor has decided: purposes, each "granted" or "denied". Every change is told; a withdrawal at once.
 * @param {unknown} decisions
 */
function consented(decisions) {
  const before = allowed();
  if (decide(fields(decisions))) {
    if (before && !allowed()) put(memory, '"events":[]}', WITHDRAWAL);
    changed();
  }
}

/** Show the tag at work, if that can be loaded; whoever builds the shop asks for it, and nobody else is served the script. */
function debug() {
  import(ENDPOINT + "/debug.js").then((overlay) => overlay.show(listen), Object);
}

/**
 * What may be asked for, by name.
 * @type {Record<string, any>}
 */
export const commands = {track, page, identify, consent: consented, reset, debug};

/**
 * Carry out one command: its name, then its arguments, as ["track", "view_item", {…}]. An Arguments object
 * will do as well as an array. Params are copied before it returns, and what cannot travel is left out.
 *
 * `source` says who noticed, for whoever looks at the tag at work: "page", or the reader's own word.
 * @type {(command: any, source?: string) => void}
 */
export const command = quiet((given, source = "page") => {
  tell("push", given, source);
  route();
  const [name, ...args] = given;
  commands[name](...args);
});
