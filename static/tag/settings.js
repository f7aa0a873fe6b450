/**
 * What differs from shop to shop. The tag is minified without this module: its values are the arguments that the
 * server adds to the end of the script (server/tag.py). These stand-ins only let the modules be loaded as they
 * are.
 */

/** Where batches go. */
export const ENDPOINT = "http://localhost:8000/gp/demo/e";

/** True: nothing leaves the page, and nothing is stored, before a purpose was granted. */
export const REQUIRED = true;

/**
 * What of the address makes the page: two addresses with the same place are the same page.
 * @type {() => string}
 */
export const place = () => location.pathname;

/** The global arrays that hold the shop's events for other tools. */
export const DATA_LAYERS = ["dataLayer"];

/** The key of such an item, or of one in a page, that holds the id which the vendors' feeds know. */
export const ITEM_ID = "item_id";

/**
 * Where consent tools are, by their global names; a shop that has none gives an empty object.
 * @type {any}
 */
export const TOOLS = window;

/** The selector of elements that tell events; one that no element has, where the shop does not want that. */
export const EVENTS = "[data-gp-event]";

/** The selector of scripts that describe the page's products; likewise. */
export const PRODUCTS = 'script[type*="ld+json"]';
