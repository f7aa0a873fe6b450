/** What the visitor has decided, as far as the page has told us. */
import {REQUIRED} from "./settings.js";
import {now} from "./clock.js";

/**
 * The decisions so far by purpose, as every batch carries them; undefined while there is none.
 * @type {Record<string, any> | undefined}
 */
export let consent;

/**
 * When the page learnt of each, in milliseconds since 1970: a tab that only repeats what another one has
 * withdrawn since changes nothing.
 * @type {Record<string, any> | undefined}
 */
export let consent_at;

/**
 * Take decisions over into the present state; true when that changed it.
 * @param {Record<string, unknown>} decisions
 * @returns {boolean}
 */
export function decide(decisions) {
  const before = consent;
  for (const purpose in decisions) {
    const decision = decisions[purpose];
    if ((decision == "granted" || decision == "denied") && consent?.[purpose] != decision) {
      consent = {...consent, [purpose]: decision};
      consent_at = {...consent_at, [purpose]: now()};
    }
  }
  return consent != before;
}

/**
 * Whether events may leave, and may lie in the browser's storage until they can: any purpose is granted.
 * @returns {boolean}
 */
export function allowed() {
  return !REQUIRED || /:"granted"/.test(JSON.stringify(consent));
}

/**
 * Whether the browser asks by Global Privacy Control not to sell or share; the server then closes marketing.
 * @returns {boolean}
 */
export function gpc() {
  return navigator.globalPrivacyControl === true;
}

/**
 * What a shop may show of it. In California it has to show that the signal was honoured.
 * @returns {{gpc: boolean, honoured: boolean, consent: Record<string, "granted" | "denied">}} the decisions are
 *   a copy
 */
export function privacy() {
  return {gpc: gpc(), honoured: gpc(), consent: {...consent}};
}
