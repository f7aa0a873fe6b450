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
