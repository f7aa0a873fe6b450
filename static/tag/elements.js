/**
 * Events that a shop writes into its pages as attributes:
 *
 *   <button data-gp-event="add_to_cart" data-gp-item='{"item_id": "100500", "price": 45.5}'>
 *
 * A form's event happens when it is sent off, that of anything else when it is clicked. The item, an object or
 * an id, may stand at an element around it. Further params are in `data-gp-params`, and fields inside with
 * `data-gp-param` give theirs: of the item if there is one, else of the event.
 */
import {quiet} from "./quiet.js";
import {command} from "./commands.js";

/**
 * Something was clicked or sent off: if it has an event, or what it stands in, that has happened.
 * @type {(event: any) => void}
 */
const act = quiet(({target, type}) => {
  const element = target.closest("[data-gp-event]");
  const card = element.closest("[data-gp-item]");
  if (type != (element.localName == "form" ? "submit" : "click")) return;
  const params = JSON.parse(element.dataset.gpParams || "{}");
  let fields = params;
  if (card) {
    const {gpItem} = card.dataset;
    fields = gpItem[0] == "{" ? JSON.parse(gpItem) : {item_id: gpItem};
    params.items = [fields];
  }
  for (const {dataset, value} of element.querySelectorAll("[data-gp-param]")) fields[dataset.gpParam] = value;
  command(["track", element.dataset.gpEvent, params], "attribute");
});

/** Begin to notice clicks and forms. Whatever the page makes of them, it is not held up. */
export function watchElements() {
  for (const type of ["click", "submit"]) addEventListener(type, act, {capture: true, passive: true});
}
