/**
 * The tag of a page. Read the modules in this order: settings, quiet, copy, consent, scene, queue, send,
 * commands, pages, and this one.
 *
 * `gatepost` is an array until the tag has loaded. It stays the same array afterwards; its `push` then
 * carries a command out instead of keeping it, and each command is a method too.
 */
import {quiet} from "./quiet.js";
import {consented, identify, reset, track} from "./commands.js";
import {page, watch} from "./pages.js";
import {hide, resume} from "./send.js";

/**
 * What a page may ask for, by name.
 * @type {Record<string, any>}
 */
const commands = {__proto__: null, track, page, identify, consent: consented, reset};

/** Carry out one command: its name, then its arguments. An Arguments object will do as well as an array. */
const run = quiet((command) => {
  const [name, ...args] = command;
  commands[name](...args);
});

/**
 * Begin: count the page view, then what was pushed before the tag had loaded, then whatever comes.
 * @param {any} gatepost
 */
function start(gatepost) {
  watch();
  gatepost.push = (...pushed) => {
    pushed.forEach(run);
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
