/** Which page of the shop the address names. */
import {HASH_ROUTES, QUERY} from "./settings.js";

/**
 * What of the address makes the page: two addresses with the same place are the same page. In the tag of a
 * shop that tells its pages by the path alone, this module is replaced by a shorter one (server/tag.py).
 * @returns {string}
 */
export function place() {
  const {hash, pathname, search} = location;
  const query = QUERY.map((name) => new URLSearchParams(search).getAll(name));
  return [pathname, HASH_ROUTES && hash.split("?")[0], ...query].join("\n");
}
