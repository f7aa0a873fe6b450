/** The product of a page, as the page describes it to search engines: schema.org's Product, in JSON-LD. */
import {PRODUCTS, place} from "./settings.js";
import {item} from "./goods.js";

/**
 * Which page each description was taken for: a single-page shop may leave it there when it moves on.
 * @type {Record<string, string>}
 */
const taken = {};

/**
 * The params of an event: of a `view_item` without an item, what the page says of its product, if it does. A
 * price that varies is told by its lowest. In the tag of a shop that does not want this, another module stands
 * in place of this one (server/tag.py).
 * @param {string} name
 * @param {any} params
 * @returns {any}
 */
export function described(name, params) {
  if (name != "view_item" || Object(params).items) return params;
  /** @type {NodeListOf<HTMLScriptElement>} */
  const blocks = document.querySelectorAll(PRODUCTS);
  for (const {text} of blocks) {
    try {
      // Line breaks within texts are their commonest mistake.
      const block = JSON.parse(text.replace(/\s+/g, " "));
      /** @type {any} */
      const product = [].concat(block["@graph"] || block).find((node) => /Product/.test(node["@type"]));
      const [offer] = [].concat(product.offers);
      const [price] = [].concat(offer.priceSpecification || offer);
      if ((taken[text] ||= place()) != place()) continue;
      const view = {
        id: product.sku || offer.sku || product.productID,
        ...product,
        brand: product.brand?.name,
        category: null,
        price: price.price || offer.lowPrice,
      };
      return {currency: price.priceCurrency || offer.priceCurrency, items: [item(view)], ...params};
    } catch {}
  }
  return params;
}
