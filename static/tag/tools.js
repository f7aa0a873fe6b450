/**
 * What the visitor decided in the shop's consent tool.
 *
 * Each tool is one reader, below its global name. Once the visitor has decided it gives the tool's categories,
 * each granted or not, and before that nothing: what is granted by default is no decision. A tool that throws
 * has granted nothing, and where two disagree, the one that denies is right.
 */
import {TOOLS} from "./settings.js";
import {allowed} from "./consent.js";
import {command} from "./commands.js";

/** @typedef {Record<string, any>} Categories */

/** What Google's Consent Mode was told by updates, what the IAB's framework decided last, and Usercentrics' answer. */
export const google = {};
let tcf;
let details;

/**
 * Which tools have spoken.
 * @type {Categories}
 */
const spoken = {};

/** What was passed on last, as JSON. */
let passed;

/**
 * The categories of a tool that is asked for each of them by a name of its own.
 * @param {(name: any) => any} has
 * @param {string} [marketing]
 * @param {string} [analytics]
 * @param {string} [prefer]
 */
const which = (has, marketing, analytics, prefer) => ({
  marketing: has(marketing),
  analytics: has(analytics),
  prefer: has(prefer),
});

/**
 * The categories of a tool that does not say whether the visitor has decided: not while all are denied, where
 * nothing is lost by waiting.
 * @param {Categories} categories
 */
const decided = (categories) => (allowed() || /true/.test(JSON.stringify(categories))) && categories;

/**
 * What each tool says, by its global name.
 * @type {Record<string, (tool: any) => any>}
 */
const READERS = {
  window: () => google,
  google_tag_data: ({ics}) => ics.entries,
  __tcfapi(api) {
    if (!tcf) {
      // That its banner is shown again decides nothing.
      api("addEventListener", 2, (data) => /^(tc|user)/.test(data?.eventStatus) && (tcf = data));
      tcf ||= {};
    }
    // The first is to store anything at all.
    return tcf.gdprApplies
      && which((numbers) => [...numbers].every((number) => tcf.purpose.consents[number]), "1234", "18", "156");
  },
  Cookiebot: (tool) => tool.hasResponse && tool.consent.method != "implied" && tool.consent,
  OneTrust: (tool) => tool.IsAlertBoxClosed()
    && which((group) => window.OptanonActiveGroups.includes("C000" + group), "4", "2", "3"),
  __ucCmp(tool) {
    // It answers by a promise, in time for the next look.
    tool.getConsentDetails().then((answer) => details = answer, () => details = 0);
    return /^E/.test(details.consent.type) && details.categories;
  },
  Didomi: (tool) => decided(tool.getCurrentUserStatus().purposes),
  klaro(tool) {
    const manager = tool.getManager();
    const result = {};
    for (const {name, purposes} of manager.config.services) result[purposes + name] = manager.consents[name];
    return manager.confirmed && result;
  },
  wp_has_consent: (tool) => /optin|undefined/.test(window.wp_consent_type || window.wp_fallback_consent_type)
    && decided(which(tool, "marketing", "statistics", "preferences")),
  getCkyConsent: (tool) => tool().isUserActionCompleted !== false && tool().categories,
  Shopify: ({customerPrivacy: tool}) => tool.currentVisitorConsent().marketing
    && which((name) => tool[name + "Allowed"](), "marketing", "analyticsProcessing", "preferencesProcessing"),
};

/**
 * Ask every tool there is, and pass on what all of them say, if that is something else than before. A purpose
 * is granted when everything that belongs to it is. One that is still loading says nothing, or throws; once it has
 * spoken, that takes everything back.
 */
export function look() {
  /** @type {Record<string, string>} */
  const now = {};
  for (const tool in READERS) {
    let said;
    try {
      said = TOOLS[tool] && READERS[tool](TOOLS[tool]);
    } catch {}
    spoken[tool] = said = said || (spoken[tool] && which(Boolean));
    for (const name in said) {
      const value = said[name];
      const given = value?.state ?? value?.enabled ?? value?.update ?? value;
      // By the words in its name.
      const purpose = /marketing|advert|target|ads|ad_[su]/.test(name) ? "marketing"
        : /analy|stati|measure/.test(name) ? "analytics"
        : /person(?!.*_st)|prefer|functional(?!ity)/.test(name) && "personalization";
      if (purpose && typeof given != "object" && now[purpose] != "denied") {
        now[purpose] = /true|granted|ALL_ACC/.test(given) ? "granted" : "denied";
      }
    }
  }
  if (passed != (passed = JSON.stringify(now))) command(["consent", now], "tool");
}
