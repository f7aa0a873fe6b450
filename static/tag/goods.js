/**
 * What a shop tells other tools of its goods, in our words.
 *
 * Only values of known names are taken. What else stands beside them, and be it the customer's address, is not
 * even looked at.
 */
import {ITEM_ID} from "./settings.js";
import {quiet} from "./quiet.js";

/** @typedef {Record<string, any>} Fields */

/** The names of values that are taken; the second group is amounts. */
const NAMES = /^((value|tax|shipping|discount|price|quantity|index)|currency|coupon|search_term|transaction_id|item_\w+)$/;

/**
 * The number that a text means: "1.299,00", "1,299.00", "€ 1.299" and "1 299,-" are what they look like, and
 * "12.605" alone is how a script writes a number. A separator before another, or before three digits, is one of
 * thousands. NaN when there is no number.
 * @param {string} text
 * @returns {number}
 */
function amount(text) {
  const plain = text.replace(/^[^\d-]+|[.,\s'’](?=\d+[.,]\d|\d{3}(?!\d))/g, "");
  return +text || parseFloat(plain.replace(",", "."));
}

/**
 * The known values of an object.
 * @param {Fields} source
 * @returns {Fields}
 */
export function pick(source) {
  /** @type {Fields} */
  const result = {};
  for (const name in source) {
    const found = NAMES.exec(name);
    const value = found && source[name];
    if (found && typeof value != "object") result[name] = found[2] && value?.trim ? amount(value) : value;
  }
  return result;
}

/**
 * One item in our words. Once its names had no prefix, and a category was a path, "a/b/c".
 * @type {(source: Fields) => Fields | undefined}
 */
export const item = quiet((source) => {
  const result = pick(source);
  for (const name of ["name", "brand", "variant"]) result["item_" + name] ||= source[name];
  source.category?.split?.("/").map((part, index) => result["item_category" + (index ? index + 1 : "")] = part);
  // No other key than "item_id" has an older name.
  result.item_id = source[ITEM_ID] || source[ITEM_ID.replace("item_", "")];
  return result;
});
