/**
 * What the visitor decided in the shop's consent tool.
 *
 * Each tool is one reader, below its global name. Once the visitor has decided it gives the tool's categories,
 * each granted or not, and before that nothing: what is granted by default is no decision. A tool that throws
 * has granted nothing, and where two disagree, the one that denies is right.
 */
import {allowed, consent} from "./consent.js";
import {command} from "./commands.js";

/** @typedef {Record<string, any>} Categories */

/** What Google's Consent Mode was told by updates, and what the IAB's framework told last. */
let google;
let tcf;

/** What was passed on last, as JSON. */
let passed;

/**
 * What holds for each name.
 * @param {string[]} names
 * @param {(name: string) => any} has
 */
function which(names, has) {
  /** @type {Categories} */
  const result = {};
  for (const name of names) result[name] = has(name);
  return result;
}

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
      tcf = {};
      api("addEventListener", 2, (data) => tcf = data);
    }
    return tcf.gdprApplies && /^(tc|user)/.test(tcf.eventStatus)
      && which([..."234568"], (number) => tcf.purpose.consents[1] && tcf.purpose.consents[number]);
  },
  Cookiebot: (tool) => tool.hasResponse && tool.consent.method != "implied" && tool.consent,
  OneTrust: (tool) => tool.IsAlertBoxClosed()
    && which(["C0002", "C0003", "C0004"], (group) => window.OptanonActiveGroups.includes(group)),
  __ucCmp: (tool) => tool.getConsentDetails().then((tool) => tool.consent.type == "EXPLICIT" && tool.categories),
  Didomi: (tool) => decided(tool.getCurrentUserStatus().purposes),
  klaro(tool) {
    const manager = tool.getManager();
    const result = {};
    for (const {name, purposes} of manager.config.services) result[purposes + name] = manager.consents[name];
    return manager.confirmed && result;
  },
  wp_has_consent: (tool) => /optin|undefined/.test(window.wp_consent_type || window.wp_fallback_consent_type)
    && decided(which(["marketing", "statistics", "preferences"], tool)),
  getCkyConsent: (tool) => tool().isUserActionCompleted !== false && tool().categories,
  Shopify: ({customerPrivacy: tool}) => (!tool.currentVisitorConsent || tool.currentVisitorConsent().marketing)
    && which(["marketing", "analyticsProcessing", "preferencesProcessing"], (name) => tool[name + "Allowed"]()),
};

/**
 * Ask every tool there is, and pass on what all of them say, if that is something else than before. A purpose
 * is granted when everything that belongs to it is.
 */
export async function look() {
  /** @type {Record<string, string>} */
  const now = {};
  for (const tool in READERS) {
    let said;
    try {
      said = window[tool] && await READERS[tool](window[tool]);
    } catch {
      // One that is still loading throws too; that gives nothing, and takes nothing back.
      said = consent && {marketing: 0, analytics: 0, prefer: 0};
    }
    for (const name in said) {
      const value = said[name];
      const given = value?.state ?? value?.enabled ?? value?.update ?? value;
      // By the words and numbers in its name.
      const purpose = /marketing|advert|target|ads|ad_[su]|^[234]|C0004/.test(name) ? "marketing"
        : /analy|stati|measure|8|C0002/.test(name) ? "analytics"
        : /person(?!.*_st)|prefer|functional(?!ity)|[56]|C0003/.test(name) && "personalization";
      if (purpose && typeof given != "object" && now[purpose] != "denied") {
        now[purpose] = /true|granted|ALL_ACC/.test(given) ? "granted" : "denied";
      }
    }
  }
  if (passed != (passed = JSON.stringify(now))) command(["consent", now], "tool");
}

/**
 * Google's Consent Mode was told of a decision.
 * @param {Categories} decisions
 */
export function updated(decisions) {
  google = {...google, ...decisions};
}
