/**
 * The tag of a page. Read the modules in this order: settings, quiet, copy, consent, shelf, batch, send,
 * record, pages, commands, and this one.
 *
 * `gatepost` is an array until the tag has loaded. It stays the same array afterwards; its `push` then
 * carries a command out instead of keeping it, and each command is a method too.
 *
 * A reader of the page is a module that imports `command` from commands.js and calls it with what it finds, such
 * as `command(["track", "view_item", {items}], "layer")` or `command(["consent", {marketing: "granted"}], "tool")`.
 * It exports one function, which `begin` or `tick` below calls once the page is visited and its own pushes have
 * been carried out. It wraps in `quiet` whatever the browser or the page calls later.
 *
 * What is served is built from these modules by `make tag`.
 */
import {on, quiet} from "./quiet.js";
import {fields} from "./copy.js";
import {privacy} from "./consent.js";
import {gather, hide, resume} from "./send.js";
import {retitle} from "./batch.js";
import {route, watch} from "./pages.js";
import {command, commands} from "./commands.js";
import {findLayers} from "./layers.js";
import {look} from "./tools.js";
import {watchElements} from "./elements.js";

/**
 * How often the page is looked at, in milliseconds; below what send.js lets events gather, so none leaves after
 * a consent was withdrawn.
 */
const OFTEN = 250;

/**
 * The array that the page pushes into.
 * @type {any}
 */
let list;

/** Give the array the commands as methods. */
function dress() {
  list = Array.isArray(window.gatepost) ? window.gatepost : (window.gatepost = []);
  for (const name in commands) {
    list[name] = (...args) => {
      list.push([name, ...args]);
    };
  }
  list.privacy = privacy;
}

/** The array whose `push` was replaced last. */
let served;

/** What replaces it: it carries out, and keeps nothing. */
const push = (...pushed) => {
  for (const one of pushed) command(one);
  return 0;
};

/**
 * Look at the page, which takes some millionths of the time in between: for another array in the place of ours,
 * another address, another data layer, another decision. Consent tools tell of a change in ten different ways,
 * some before they know it and some not at all; tools and layers come late or are replaced. So does the title of a
 * single-page shop. A page that is hidden or left is looked at once more.
 * @type {(event?: any) => void}
 */
const tick = quiet((event) => {
  if (window.gatepost != list) dress();
  if (served != list) {
    served = list;
    list.push = push;
    push(...list.splice(0));
  }
  route();
  retitle();
  findLayers();
  look();
  if (event) hide(event);
  else gather();
});

/** Begin: count the page view, carry out what the page has pushed, and hear what it says from now on. */
const begin = quiet(() => {
  watch();
  tick();
  watchElements();
  on(window, "visibilitychange", tick);
  on(window, "pagehide", tick);
  on(window, "online", resume);
  // What is done for the first time takes longest. Let that be something that says nothing, and not the shop's.
  list.track();
  fields(location);
  if (/gp_debug/.test(location.href)) list.debug();
  setInterval(tick, OFTEN);
});

/**
 * Take the array over, unless another copy of the tag has; begin when the page has had its turn. A prerendered page
 * has not been visited yet.
 */
quiet(() => {
  if (window.gatepost?.track) return;
  dress();
  if (document.prerendering) on(document, "prerenderingchange", begin);
  else setTimeout(begin);
})();
