/**
 * The tag of a page. Read the modules in this order: settings, quiet, copy, consent, shelf, batch, send,
 * record, pages, commands, and this one.
 *
 * `gatepost` is an array until the tag has loaded. It stays the same array afterwards; its `push` then
 * carries a command out instead of keeping it, and each command is a method too.
 *
 * A reader of the page is a module that imports `command` from commands.js and calls it with what it finds,
 * such as `command(["track", "view_item", {items}], "layer")` or `command(["consent", {marketing:
 * "granted"}], "tcf")`. It exports one function that begins to read, which `begin` below calls once the page
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
 * @type {(list: any) => void}
 */
const serve = quiet((list) => {
  dress(list);
  list.push = (...pushed) => {
    for (const one of pushed) command(one);
    return list.length;
  };
  list.push(...list.splice(0));
});

/**
 * Take the array over, unless another copy of the tag has; then begin: count the page view, hear what the page
 * says, and serve any array that it should put in the place of this one. A prerendered page has not been
 * visited yet.
 */
quiet(() => {
  /** @type {any} */
  let list = Array.isArray(window.gatepost) ? window.gatepost : (window.gatepost = []);
  if (list.track) return;
  dress(list);
  const begin = quiet(() => {
    watch();
    if (/gp_debug/.test(location.href)) list.debug();
    serve(list);
    watchPage();
    on(window, "visibilitychange", hide);
    on(window, "pagehide", hide);
    on(window, "online", resume);
    Object.defineProperty(window, "gatepost", {
      configurable: true,
      get: () => list,
      set: (other) => serve((list = other)),
    });
  });
  if (document.prerendering) on(document, "prerenderingchange", begin);
  else begin();
})();
