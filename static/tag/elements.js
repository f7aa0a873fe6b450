/**
 * Events that a shop writes into its pages as attributes:
 *
 *   <button data-gp-event="add_to_cart" data-gp-item='{"item_id": "100500", "price": 45.5}'>
 *
 * A form's event happens when it is sent off, that of anything else when it is clicked. The item, an object or
 * an id, may stand at an element around it. Further params are in `data-gp-params`, and fields inside with
 * `data-gp-param` give theirs: of the item if there is one, else of the event.
 */
import {EVENTS} from "./settings.js";
import {on} from "./quiet.js";
import {command} from "./commands.js";

/**
 * Something was clicked or sent off: if it has an event, or what it stands in, that has happened.
 * @param {any} event
 */
function act({target, type}) {
  const element = target.closest(EVENTS);
  const card = element.closest("[data-gp-item]");
  const {gpEvent, gpParams = "{}"} = element.dataset;
  // Forms alone have a method, and are sent off rather than clicked.
  if (!element.method != (type == "click")) return;
  const params = JSON.parse(gpParams);
  let fields = params;
  if (card) {
    const {gpItem} = card.dataset;
    fields = gpItem[0] == "{" ? JSON.parse(gpItem) : {item_id: gpItem};
    params.items = [fields];
  }
  for (const {dataset, value} of element.querySelectorAll("[data-gp-param]")) fields[dataset.gpParam] = value;
  command(["track", gpEvent, params], "attribute");
}

/** Begin to notice clicks and forms. Whatever the page makes of them, it is not held up. */
export function watchElements() {
  on(window, "click", act, true);
  on(window, "submit", act, true);
}
