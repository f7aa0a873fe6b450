/**
 * Page views, which the tag counts by itself: at load, at every new path of a single-page shop, and when the
 * browser brings a page back as it was left. A change of the query or the history state alone is no new page.
 */
import {quiet} from "./quiet.js";
import {copy, fields} from "./copy.js";
import {change, scene} from "./scene.js";
import {queue, write} from "./queue.js";
import {record} from "./record.js";
import {atOnce} from "./send.js";

/**
 * The entry of the last page view.
 * @type {import("./queue.js").Entry}
 */
let view;

/**
 * The address as last seen.
 * @type {string}
 */
let here;

/**
 * A page is viewed. What waits belongs to the one before, and goes first.
 * @param {import("./scene.js").Page} page
 * @param {Record<string, any>} [params]
 */
function open(page, params) {
  here = location.href;
  atOnce();
  change({page: copy(page)});
  view = record("page_view", params);
}

/**
 * The page says what it is: `type`, and further params of the page view. That completes a page view which
 * still waits; once it has been sent, this is a page view of its own.
 * @param {unknown} params
 */
export function page(params) {
  const {type, ...more} = fields(params);
  if (typeof type == "string") scene.page.type = type;
  if (view.taken || !queue.includes(view)) view = record("page_view", more);
  else write(view, {...view.event, params: fields({...view.event.params, ...more})});
}

/** The address may have changed within the document. The shop sets the title some time after it. */
const route = quiet(() => {
  const referrer = here;
  here = location.href;
  if (location.pathname != new URL(referrer).pathname) open({url: here, referrer, title: ""});
});

/**
 * The browser shows the page again as it was left: the same page, viewed once more.
 * @param {PageTransitionEvent} event
 */
const restore = quiet(({persisted}) => {
  if (persisted) open(scene.page, view.event.params);
});

/**
 * Count the view of this page, and watch for the next. The Navigation API tells of committed changes only;
 * it is missing in older browsers, and silent in sandboxed frames.
 */
export function watch() {
  open({url: location.href, referrer: document.referrer, title: document.title});
  addEventListener("pageshow", restore);
  const {navigation} = window;
  if (navigation && navigation.currentEntry) return navigation.addEventListener("currententrychange", route);
  addEventListener("popstate", route);
  for (const method of ["pushState", "replaceState"]) {
    const original = history[method];
    history[method] = function () {
      const result = original.apply(this, arguments);
      route();
      return result;
    };
  }
}
