/** An event is put into the queue, to leave after the page has had its turn. */
import {tell} from "./quiet.js";
import {scene} from "./scene.js";
import {full, put} from "./queue.js";
import {atOnce, soon} from "./send.js";

/**
 * Queue an event of the present scene, or without a name a change of state, to be sent after the page has
 * had its turn.
 * @param {string} [name]
 * @param {unknown} [params]
 * @returns {import("./queue.js").Entry}
 */
export function record(name, params) {
  const entry = put(scene, name, params);
  tell("event", entry.event);
  if (full()) atOnce();
  else soon();
  return entry;
}
