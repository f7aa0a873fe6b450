/**
 * The tag of a page. Read the modules in this order: settings, quiet, copy, consent, shelf, batch, send,
 * record, pages, commands, and this one.
 *
 * `gatepost` is an array until the tag has loaded. It stays the same array afterwards; its `push` then
 * carries a command out instead of keeping it, and each command is a method too.
 *
 * A reader of the page is a module that imports `command` from commands.js and calls it with what it finds,
 * such as `command(["track", "view_item", {items}], "layer")` or `command(["consent", {marketing:
 * "granted"}], "tcf")`. It exports one function that begins to read, which `start` below calls once the page
 * is visited and its own pushes have been carried out. It wraps in `quiet` whatever the browser or the page
 * calls later.
 */
import {on, quiet} from "./quiet.js";
import {privacy} from "./consent.js";
import {hide, resume} from "./send.js";
import {watch} from "./pages.js";
import {watchPage} from "./readers.js";
import {command, commands} from "./commands.js";

/**
 * Give an array of the page the commands as methods.
 * @param {any} list
 */
function dress(list) {
  for (const name in commands) {
    list[name] = (...args) => {
      list.push([name, ...args]);
    };
  }
  list.privacy = privacy;
}

/**
 * Carry out what the page has pushed into this array, then whatever comes.
 * @param {any} list
 */
function serve(list) {
  dress(list);
  list.push = (...pushed) => {
    for (const one of pushed) command(one);
    return list.length;
  };
  list.push(...list.splice(0));
}

/**
 * Begin: count the page view, and take over the array, as well as any that the page should put in its place.
 * @param {any} list
 */
function start(list) {
  watch();
  serve(list);
  watchPage();
  on(window, "visibilitychange", hide);
  on(window, "pagehide", hide);
  on(window, "online", resume);
  const replace = quiet(serve);
  Object.defineProperty(window, "gatepost", {
    configurable: true,
    get: () => list,
    set(other) {
      list = other;
      replace(other);
    },
  });
}

/** Take the array over, unless another copy of the tag has. A prerendered page has not been visited yet. */
quiet(() => {
  const list = Array.isArray(window.gatepost) ? window.gatepost : (window.gatepost = []);
  if (list.track) return;
  dress(list);
  const begin = quiet(() => start(list));
  if (document.prerendering) on(document, "prerenderingchange", begin);
  else begin();
})();
