/**
 * Page views, which the tag counts by itself: at load, at every new path of a single-page shop, and when the
 * browser brings a page back as it was left. A change of the query or the history state alone is no new page,
 * unless the shop's settings say so.
 */
import {on, quiet} from "./quiet.js";
import {fields} from "./copy.js";
import {place} from "./settings.js";
import {change, events, scene} from "./batch.js";
import {record} from "./record.js";

/**
 * The last page view.
 * @type {import("./record.js").Event}
 */
let view;

/** What of the address makes the page, as last seen. */
let spot = "";

/**
 * A page is viewed. What waits belongs to the one before, and goes first.
 * @param {Partial<import("./batch.js").Page>} page
 * @param {Record<string, any>} [params]
 */
function open(page, params) {
  spot = place();
  change({page: /** @type {any} */ (fields({url: location.href, ...page}))});
  view = record("page_view", params);
}

/**
 * The page says what it is: `type`, and further params of the page view. That completes a page view which
 * still waits; once it has left the page, this is a page view of its own.
 * @param {unknown} params
 */
export function page(params) {
  const {type, ...more} = fields(params);
  if (type) scene.page.type = "" + type;
  const index = events.indexOf(JSON.stringify(view));
  if (index < 0) view = record("page_view", more);
  else {
    view.params = {...view.params, ...more};
    events[index] = JSON.stringify(view);
  }
}

/**
 * The address may have changed within the document: asked before every command, and as often as the page is
 * looked at.
 */
export const route = quiet(() => {
  if (place() != spot) open({referrer: scene.page.url});
});

/**
 * Count the view of this page, and watch for the next. The Navigation API tells of every committed change, also
 * of two at once; older browsers do not have it.
 */
export function watch() {
  open({referrer: document.referrer});
  // The browser shows the page again as it was left: the same page, viewed once more.
  on(window, "pageshow", ({persisted}) => {
    if (persisted) open(scene.page, view.params);
  });
  on(window.navigation, "currententrychange", route);
}
