/**
 * What differs from shop to shop. The server replaces this whole module by one with the shop's own values
 * (server/tag.py); these stand-ins only let the modules be loaded as they are.
 */

/** Where batches go. */
export const ENDPOINT = "http://localhost:8000/gp/demo/e";

/** True: nothing leaves the page, and nothing is stored, before a purpose was granted. */
export const REQUIRED = true;
