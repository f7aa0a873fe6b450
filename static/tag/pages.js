/**
 * Page views, which the tag counts by itself: at load, at every new path of a single-page shop, and when the
 * browser brings a page back as it was left. A change of the query or the history state alone is no new page,
 * unless the shop's settings say so.
 */
import {on, quiet} from "./quiet.js";
import {copy, fields} from "./copy.js";
import {place} from "./place.js";
import {change, events, scene} from "./batch.js";
import {later} from "./send.js";
import {record} from "./record.js";

/**
 * The last page view.
 * @type {import("./record.js").Event}
 */
let view;

/** The address as last seen. */
let here = "";

/** What of it makes the page, as last seen. */
let spot = "";

/**
 * A page is viewed. What waits belongs to the one before, and goes first.
 * @param {import("./batch.js").Page} page
 * @param {Record<string, any>} [params]
 */
function open(page, params) {
  here = location.href;
  spot = place();
  change({page: copy(page)});
  later();
  view = record("page_view", params);
}

/**
 * The page says what it is: `type`, and further params of the page view. That completes a page view which
 * still waits; once it has left the page, this is a page view of its own.
 * @param {unknown} params
 */
export function page(params) {
  const {type, ...more} = fields(params);
  if (typeof type == "string") scene.page.type = type;
  const index = events.indexOf(JSON.stringify(view));
  if (index < 0) view = record("page_view", more);
  else {
    view.params = fields({...view.params, ...more});
    events[index] = JSON.stringify(view);
  }
}

/** The address may have changed within the document. The shop sets the title some time after it. */
const route = quiet(() => {
  const referrer = here;
  here = location.href;
  if (place() != spot) open({url: here, referrer, title: ""});
});

/**
 * Count the view of this page, and watch for the next. The Navigation API tells of committed changes only;
 * it is missing in older browsers, and silent in sandboxed frames.
 */
export function watch() {
  open({url: location.href, referrer: document.referrer, title: document.title});
  // The browser shows the page again as it was left: the same page, viewed once more.
  on(window, "pageshow", ({persisted}) => {
    if (persisted) open(scene.page, view.params);
  });
  const {navigation} = window;
  if (navigation?.currentEntry) return on(navigation, "currententrychange", route);
  on(window, "popstate", route);
  for (const method of ["pushState", "replaceState"]) {
    const original = history[method];
    history[method] = function () {
      const result = original.apply(this, arguments);
      route();
      return result;
    };
  }
}
