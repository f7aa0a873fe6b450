/** What an event lacks, and what may be done about an answer, in words. */

/** What each event should have: params that the server insists on come first, then what vendors need. */
const NEEDS = {
  view_item: ["items", "currency"],
  view_category: ["category_id"],
  view_item_list: ["items"],
  search: ["search_term"],
  add_to_cart: ["items", "currency"],
  remove_from_cart: ["items"],
  view_cart: ["items"],
  update_cart: ["items"],
  add_to_wishlist: ["items"],
  remove_from_wishlist: ["items"],
  update_wishlist: ["items"],
  begin_checkout: ["items"],
  purchase: ["transaction_id", "items", "currency", "value"],
  view_recommendation: ["content"],
  select_recommendation: ["content", "items"],
};

/** Events whose items should have a price. */
const PRICED = ["view_item", "add_to_cart", "purchase"];

/**
 * What is missing in an event.
 * @param {string} name
 * @param {Record<string, any>} params
 * @returns {string[]}
 */
export function missing(name, params) {
  const absent = (NEEDS[name] || []).filter((key) => params[key] === undefined);
  const found = absent.map((key) => `${name} without ${key}`);
  // The tag's copies have no prototype, lists included.
  const items = Array.isArray(params.items) ? Array.from(params.items) : [];
  items.forEach((item, index) => {
    if (!item.item_id) found.push(`item ${index + 1} without item_id; the setting item_id says which key it is`);
    if (PRICED.includes(name) && item.price === undefined) found.push(`item ${index + 1} without price`);
  });
  return found;
}

/** Reasons for which something is dropped, in the words of the server and of the tag. */
export const reasons = {
  consent: "no purpose is granted, so nothing may be kept or sent",
  duplicate: "the server has had this event before",
  bot: "this browser says that it is a robot",
};
