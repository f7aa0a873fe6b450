/**
 * The shop's data layers: arrays into which its pages push what happens, for Google's and others' tools.
 *
 * What was pushed before is read, and whatever is pushed from now on. Another array in a layer's place is
 * noticed at the next sign of life.
 */
import {DATA_LAYERS} from "./settings.js";
import {quiet} from "./quiet.js";
import {command} from "./commands.js";
import {item, pick} from "./goods.js";
import {google} from "./tools.js";

/**
 * What Universal Analytics called what happened.
 * @type {Record<string, string>}
 */
const OLD = {
  impressions: "view_item_list",
  click: "select_item",
  detail: "view_item",
  add: "add_to_cart",
  remove: "remove_from_cart",
  checkout: "begin_checkout",
  purchase: "purchase",
  refund: "refund",
};

/**
 * The arrays that were read, and their entries: another array may hold them too.
 * @type {WeakSet<object>}
 */
const known = new WeakSet();

/**
 * Something happened, with one item, a list of them, or none.
 * @param {string} name
 * @param {Record<string, any>} params
 * @param {any} items
 */
function say(name, params, items) {
  if (items) params.items = [].concat(items).map(item);
  command(["track", name, params], "layer");
}

/**
 * One entry: a command as gtag() makes it, an Arguments object, or an object with an event or without. What has
 * no items is meant for somebody else, but for a search. Google's own script pushes every command once more, as
 * an `eventModel`, which is passed over.
 */
const hear = quiet((/** @type {any} */ entry) => {
  known.add(entry);
  const {0: what, 1: name = entry.event, 2: said = entry} = entry;
  const goods = said.ecommerce || {};
  const items = goods.items || said.items;
  if (what == "consent" && name == "update") Object.assign(google, said);
  if (entry.eventModel) return;
  if (items || name == "search") return say(name, {...pick(said), ...pick(goods)}, items);
  for (const old in OLD) {
    if (!goods[old]) continue;
    const {actionField: action = {}, products = goods[old]} = goods[old];
    const {id: transaction_id, revenue: value} = action;
    const params = pick({transaction_id, value, currency: goods.currencyCode, ...action});
    // Every step of a checkout is called so; it begins with the first.
    if (!(action.step > 1)) say(OLD[old], params, products);
  }
});

/** Find the layers as they are now. Their push stays as it was: what it gives back, and what it throws. */
export const findLayers = quiet(() => {
  for (const name of DATA_LAYERS) {
    const layer = window[name] = window[name] || [];
    if (known.has(layer)) continue;
    known.add(layer);
    for (const entry of layer) if (!known.has(entry)) hear(entry);
    const {push} = layer;
    layer.push = (...entries) => {
      for (const entry of entries) hear(entry);
      return push.apply(layer, entries);
    };
  }
});
