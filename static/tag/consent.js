/** What the visitor has decided, as far as the page has told us. */

/**
 * The decisions so far by purpose, as every batch carries them; undefined while there is none.
 * @type {Record<string, "granted" | "denied"> | undefined}
 */
export let consent;

/**
 * Take decisions over into the present state; true when that changed it.
 * @param {Record<string, unknown>} decisions
 * @returns {boolean}
 */
export function decide(decisions) {
  const before = JSON.stringify(consent);
  for (const purpose of Object.keys(decisions)) {
    const decision = decisions[purpose];
    if (decision == "granted" || decision == "denied") {
      consent = {__proto__: null, ...consent, [purpose]: decision};
    }
  }
  return JSON.stringify(consent) != before;
}

/**
 * Whether any purpose is granted.
 * @returns {boolean}
 */
export function granted() {
  return Object.values(consent || {}).includes("granted");
}
