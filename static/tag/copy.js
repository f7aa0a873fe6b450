/**
 * Values of the page, copied at the moment of the call into plain JSON values.
 *
 * What a page pushes may hold functions, DOM nodes, cycles, or getters that throw. Whatever cannot travel is
 * left out; the rest goes. Copies have no prototype, so that the `toJSON` which old
 * versions of Prototype.js add to every array does not change what is sent.
 */
import {quiet} from "./quiet.js";

/**
 * About how many characters the copy under way may still take as JSON: what is larger finds no place in a request.
 * So a huge graph costs little time.
 */
let left = 0;

/**
 * A plain copy of what an object holds under a key; undefined when nothing of it can travel. `parents` are the
 * objects that contain it, so that a cycle ends.
 * @type {(holder: any, key: any, parents?: object[]) => any}
 */
export const copy = quiet((holder, key, parents = []) => {
  const value = holder[key];
  const type = typeof value;
  if (!parents[0]) left = 4e4;
  if ((left -= 20) < 0 || parents[8] || parents.includes(value)) return;
  if (type == "string") {
    const text = value.slice(0, 4096);
    left -= text.length;
    return text;
  }
  if (type == "boolean" || Number.isFinite(value)) return value;
  if (type != "object" || value.nodeType || value.window === value) return;
  const inside = [...parents, value];
  const list = Array.isArray(value);
  if (!list && value.toJSON) return copy([value.toJSON()], 0, inside);
  const result = Object.setPrototypeOf(list ? [] : {}, null);
  for (const name of Object.keys(value)) {
    const item = copy(value, name, inside);
    if (item !== undefined) result[list ? result.length : name] = item;
  }
  return result;
});

/**
 * A plain copy of an object's fields; of anything else, an object without any. Throws where it would be too large:
 * no event arrives with half its items.
 * @param {unknown} value
 * @returns {Record<string, any>}
 */
export function fields(value) {
  const result = copy([value], 0);
  if (left < 0) throw 0;
  return {__proto__: null, ...(result?.[0] ? {} : result)};
}
