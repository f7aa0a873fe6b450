/**
 * Whose event it is and on which page: the two things a batch says once for all its events.
 *
 * A scene is never altered once another has taken its place, so events that still wait keep the page and the
 * visitor they happened with.
 */
import {copy} from "./copy.js";

/**
 * @typedef {{url: string, referrer: string, title: string, type?: string}} Page
 * @typedef {{page: Page, user?: Record<string, string> | null}} Scene
 *   user: undefined, nothing is known here; null, the server is to forget whom it knew
 */

/**
 * The present scene; it has its page from the first page view on.
 * @type {Scene}
 */
export let scene = {};

/**
 * Begin a new scene, which differs from the present one in what is given.
 * @param {Partial<Scene>} part
 */
export function change(part) {
  scene = {...scene, ...part};
}

/** Take the title over as it is now: single-page shops set it some time after the address. */
export function retitle() {
  scene.page.title = copy(document.title);
}
