/**
 * Values of the page, copied at the moment of the call into plain JSON values.
 *
 * What a page pushes may hold functions, DOM nodes, cycles, or getters that throw. Whatever cannot travel is
 * left out; the rest goes. Copies have no prototype, so that the `toJSON` which old
 * versions of Prototype.js add to every array does not change what is sent.
 */

/**
 * About how many bytes the copy under way may still take, so that a huge graph costs little time. What is cut
 * by that is far beyond what a server takes in one request: no event arrives with half its items.
 */
let left = 0;

/**
 * A plain copy of any value; undefined when nothing of it can travel.
 * @param {any} value
 * @param {object[]} [parents] the objects that contain it, so that a cycle ends
 * @returns {any}
 */
export function copy(value, parents = []) {
  if (!parents.length) left = 2e5;
  const type = typeof value;
  if ((left -= 3) < 0 || parents.length > 8 || parents.includes(value)) return;
  if (type == "string" || type == "bigint") {
    const text = ("" + value).slice(0, 4096);
    left -= text.length;
    return text;
  }
  if (type == "boolean" || value === null || Number.isFinite(value)) return value;
  if (type != "object") return;
  try {
    const inside = [...parents, value];
    const list = Array.isArray(value);
    if (!list && typeof value.toJSON == "function") return copy(value.toJSON(), inside);
    if (value.nodeType || value.window === value) return;
    const result = Object.setPrototypeOf(list ? [] : {}, null);
    for (const key of Object.keys(value)) {
      try {
        const item = copy(value[key], inside);
        if (item !== undefined) result[list ? result.length : key] = item;
      } catch {}
    }
    return result;
  } catch {}
}

/**
 * A plain copy of an object's fields; of anything else, an object without any.
 * @param {unknown} value
 * @returns {Record<string, any>}
 */
export function fields(value) {
  const result = copy(value);
  return result && typeof result == "object" && !Array.isArray(result) ? result : {__proto__: null};
}
