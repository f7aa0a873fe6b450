/** What time it is on the browser's clock. */

/**
 * The time in whole milliseconds since 1970. (Not Date.now: some pages replace it by one that gives fractions.)
 * @returns {number}
 */
export function now() {
  return +new Date();
}
