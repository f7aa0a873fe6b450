/**
 * What the shop says already, to others and in its pages, is noticed too.
 *
 * It is looked for four times a second, which takes some millionths of one. Consent tools tell of a change in
 * ten different ways, some before they know it and some not at all; tools and layers come late or are replaced.
 * And events gather for longer than that before they leave, so none leaves after a consent was withdrawn.
 */
import {watchElements} from "./elements.js";
import {findLayers} from "./layers.js";
import {look} from "./tools.js";

/** How often, in milliseconds; below what send.js lets events gather. */
const OFTEN = 250;

/** Look once. */
function notice() {
  findLayers();
  look().catch(() => {});
}

/** Begin to notice. */
export function watchPage() {
  notice();
  setInterval(notice, OFTEN);
  watchElements();
}
