/**
 * What differs from shop to shop. The server replaces this whole module by one with the shop's own values
 * (server/tag.py); these stand-ins only let the modules be loaded as they are.
 */

/** Where batches go. */
export const ENDPOINT = "http://localhost:8000/gp/demo/e";

/** True: nothing leaves the page, and nothing is stored, before a purpose was granted. */
export const REQUIRED = true;

/** True: where pages of a single-page shop differ in the fragment, a new fragment is a new page. */
export const HASH_ROUTES = false;

/**
 * Names in the query whose change is a new page.
 * @type {string[]}
 */
export const QUERY = [];

/** The global arrays that hold the shop's events for other tools. */
export const DATA_LAYERS = ["dataLayer"];

/** The key of such an item, or of one in a page, that holds the id which the vendors' feeds know. */
export const ITEM_ID = "item_id";
