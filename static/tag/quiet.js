/** The shop comes first: whatever goes wrong in the tag stays in the tag. */

/**
 * The same function, except that it never throws.
 * @template {any[]} A, R
 * @param {(...args: A) => R} work
 * @returns {(...args: A) => R | undefined}
 */
export function quiet(work) {
  return (...args) => {
    try {
      return work(...args);
    } catch {}
  };
}

/**
 * Listen, as far as the page lets us; `first`, before the page's own listeners can end it.
 * @param {EventTarget | undefined} target
 * @param {string} type
 * @param {(event: any) => void} work
 * @param {boolean} [first]
 */
export function on(target, type, work, first) {
  quiet(() => /** @type {EventTarget} */ (target).addEventListener(type, quiet(work), first))();
}

/**
 * Who looks at the tag at work, told what happens: "push" (command, source), "event" (event), "answer"
 * (response or nothing, what was sent). Nobody, as a rule.
 * @type {(what: string, ...more: any[]) => void}
 */
export let tell = () => {};

/**
 * From now on this is told what happens.
 * @param {(what: string, ...more: any[]) => void} listener
 */
export function listen(listener) {
  tell = quiet(listener);
}
