/** What time it is on the browser's clock. */

/**
 * The time in whole milliseconds; some pages replace Date.now by one that gives fractions. (Not Math.trunc:
 * the minifier makes it `|0`, which keeps 32 bits.)
 * @returns {number}
 */
export function now() {
  return Math.round(Date.now());
}
