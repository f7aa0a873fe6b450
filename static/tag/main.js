/**
 * The tag of a page. Read the modules in this order: settings, quiet, copy, consent, scene, queue, send,
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
import {quiet} from "./quiet.js";
import {command, commands} from "./commands.js";
import {watch} from "./pages.js";
import {hide, resume} from "./send.js";

/**
 * Begin: count the page view, then what was pushed before the tag had loaded, then whatever comes.
 * @param {any} gatepost
 */
function start(gatepost) {
  watch();
  gatepost.push = (...pushed) => {
    for (const one of pushed) command(one);
    return gatepost.length;
  };
  gatepost.push(...gatepost.splice(0));
  addEventListener("visibilitychange", quiet(hide));
  addEventListener("pagehide", quiet(hide));
  addEventListener("online", quiet(resume));
}

/** Take the array over, unless another copy of the tag has. A prerendered page has not been visited yet. */
quiet(() => {
  const gatepost = Array.isArray(window.gatepost) ? window.gatepost : (window.gatepost = []);
  if (gatepost.track) return;
  for (const name in commands) {
    gatepost[name] = (...args) => {
      gatepost.push([name, ...args]);
    };
  }
  const begin = quiet(() => start(gatepost));
  if (document.prerendering) document.addEventListener("prerenderingchange", begin, {once: true});
  else begin();
})();
