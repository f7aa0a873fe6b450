"""Stand-ins for consent tools, each with the part of its public API that the tag reads.

`setup` is what the tool's script leaves in a page whose visitor has not decided yet; `decide` is what happens
when the visitor accepts marketing and statistics but nothing else (`yes` is true), or declines everything.
`throws` makes every answer throw.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tool:
    """One of them; all scripts are JavaScript."""

    name: str
    setup: str
    decide: str
    """`yes` stands for what the visitor said to marketing and statistics."""
    throws: str
    source: str
    """Where its maker describes it."""

    def accept(self) -> str:
        """The visitor accepts marketing and statistics."""
        return f"(yes => {{ {self.decide} }})(true)"

    @property
    def breaks(self) -> str:
        """Every further answer throws."""
        return f"(() => {{ {self.throws} }})()"

    def decline(self) -> str:
        """The visitor declines everything."""
        return f"(yes => {{ {self.decide} }})(false)"


TOOLS = [
    Tool(
        "google consent mode, pushed",
        "window.dataLayer = window.dataLayer || []; "
        "window.gtag = function () { dataLayer.push(arguments) };"
        "gtag('consent', 'default', {ad_storage: 'granted', ad_user_data: 'granted', "
        "analytics_storage: 'granted',"
        "ad_personalization: 'granted', wait_for_update: 500})",
        "const said = yes ? 'granted' : 'denied';"
        "gtag('consent', 'update', {ad_storage: said, ad_user_data: said, analytics_storage: said,"
        "ad_personalization: 'denied', functionality_storage: 'granted', "
        "personalization_storage: 'granted'})",
        "dataLayer.push({get 0() { throw Error('no') }})",
        "https://developers.google.com/tag-platform/security/guides/consent",
    ),
    Tool(
        "google consent mode, set without a push",
        "window.google_tag_data = {ics: {entries: {ad_storage: {default: true}, "
        "ad_user_data: {default: true},"
        "analytics_storage: {default: true}, ad_personalization: {default: false}}}}",
        "const {entries} = google_tag_data.ics;"
        "for (const name of ['ad_storage', 'ad_user_data', "
        "'analytics_storage']) entries[name].update = yes;"
        "entries.ad_personalization.update = false",
        "google_tag_data.ics = {get entries() { throw Error('no') }}",
        "https://developers.google.com/tag-platform/tag-manager/templates/consent-apis",
    ),
    Tool(
        "tcf",
        "window.tc = {heard: [], data: {eventStatus: 'cmpuishown', gdprApplies: true, "
        "purpose: {consents: {}}}};"
        "window.__tcfapi = (command, version, "
        "callback) => { if (command == 'addEventListener' && version == 2) {"
        "tc.heard.push(callback); callback(tc.data, true) } }",
        "const consents = yes ? {1: true, 2: true, 3: true, 4: true, 5: false, 7: true, 8: true} : {};"
        "tc.data = {eventStatus: 'useractioncomplete', gdprApplies: true, purpose: {consents}};"
        "tc.heard.forEach(callback => callback(tc.data, true))",
        "tc.data = {eventStatus: 'useractioncomplete', gdprApplies: true};"
        "tc.heard.forEach(callback => callback(tc.data, true))",
        "https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework",
    ),
    Tool(
        "cookiebot",
        "window.Cookiebot = {hasResponse: false, consent: {necessary: true, preferences: false, "
        "statistics: false,"
        "marketing: false, method: null}}",
        "Object.assign(Cookiebot, {hasResponse: true, consent: {necessary: true, preferences: false,"
        "statistics: yes, marketing: yes, method: 'explicit'}});"
        "dispatchEvent(new Event(yes ? 'CookiebotOnAccept' : 'CookiebotOnDecline'))",
        "Object.defineProperty(Cookiebot, 'consent', {get() { throw Error('no') }})",
        "https://www.cookiebot.com/en/developer/",
    ),
    Tool(
        "onetrust",
        "window.boxClosed = false; window.OptanonActiveGroups = ',C0001,C0002,C0003,C0004,';"
        "window.OneTrust = {IsAlertBoxClosed: () => boxClosed}",
        "boxClosed = true; OptanonActiveGroups = yes ? ',C0001,C0002,C0004,' : ',C0001,';"
        "dispatchEvent(new CustomEvent('OneTrustGroupsUpdated', "
        "{detail: OptanonActiveGroups.split(',')}))",
        "OneTrust.IsAlertBoxClosed = () => { throw Error('no') }",
        "https://developer.onetrust.com/onetrust/docs/javascript-api",
    ),
    Tool(
        "usercentrics 3",
        "window.details = {consent: {status: 'ALL_ACCEPTED', type: 'IMPLICIT'}, categories: {"
        "essential: {state: 'ALL_ACCEPTED'}, marketing: {state: 'ALL_ACCEPTED'},"
        "functional: {state: 'ALL_ACCEPTED'}, statistics: {state: 'ALL_ACCEPTED'}}};"
        "window.__ucCmp = {getConsentDetails: async () => details}",
        "const state = yes ? 'ALL_ACCEPTED' : 'ALL_DENIED';"
        "details = {consent: {status: 'SOME_ACCEPTED', type: 'EXPLICIT'}, categories: {"
        "essential: {state: 'ALL_ACCEPTED'}, marketing: {state}, functional: {state: 'SOME_ACCEPTED'},"
        "statistics: {state}}};"
        "dispatchEvent(new CustomEvent('UC_UI_CMP_EVENT', {detail: {type: 'SAVE'}}))",
        "__ucCmp.getConsentDetails = async () => { throw Error('no') }",
        "https://docs.usercentrics.com/#/cmp-v3-ui-api",
    ),
    Tool(
        "didomi",
        "window.didomi = {analytics: {id: 'analytics', enabled: false},"
        "create_ads_profile: {id: 'create_ads_profile', enabled: false},"
        "select_personalized_ads: {id: 'select_personalized_ads', enabled: false},"
        "personalization: {id: 'personalization', enabled: false}};"
        "window.Didomi = {getCurrentUserStatus: () => ({purposes: didomi, vendors: {}, "
        "regulation: 'gdpr'})}",
        "for (const id of ['analytics', 'create_ads_profile', 'select_personalized_ads'])"
        "didomi[id] = {id, enabled: yes};"
        "(window.didomiEventListeners || [])"
        ".forEach(one => one.event == 'consent.changed' && one.listener({}))",
        "Didomi.getCurrentUserStatus = () => { throw Error('no') }",
        "https://developers.didomi.io/cmp/web-sdk/reference/api",
    ),
    Tool(
        "klaro",
        "window.manager = {confirmed: false, watchers: new Set(), watch(one) { this.watchers.add(one) },"
        "consents: {ga: true, pixel: true, newsletter: true, chat: true}, config: {services: ["
        "{name: 'ga', purposes: ['statistics']}, {name: 'pixel', purposes: ['advertising']},"
        "{name: 'newsletter', purposes: ['marketing']}, {name: 'chat', purposes: ['functional']}]}};"
        "window.klaro = {getManager: () => manager}",
        "Object.assign(manager, {confirmed: true,"
        "consents: {ga: yes, pixel: yes, newsletter: yes, chat: false}});"
        "manager.watchers.forEach(one => one.update(manager, 'saveConsents', {}))",
        "klaro.getManager = () => { throw Error('no') }",
        "https://klaro.org/docs/api/js_api",
    ),
    Tool(
        "wp consent api",
        "window.wp_consent_type = 'optin'; window.allowed = {};"
        "window.wp_has_consent = category => allowed[category] == 'allow'",
        "const said = yes ? 'allow' : 'deny'; allowed = {marketing: said, statistics: said, "
        "preferences: 'deny'};"
        "document.dispatchEvent(new CustomEvent('wp_listen_for_consent_change', "
        "{detail: {marketing: said}}))",
        "wp_has_consent = () => { throw Error('no') }",
        "https://wordpress.org/plugins/wp-consent-api/",
    ),
    Tool(
        "cookieyes",
        "window.cky = {activeLaw: 'gdpr', isUserActionCompleted: false, categories: {necessary: true,"
        "functional: true, analytics: true, performance: true, advertisement: true}};"
        "window.getCkyConsent = () => cky",
        "cky = {activeLaw: 'gdpr', isUserActionCompleted: true, categories: {necessary: true,"
        "functional: false, analytics: yes, performance: false, advertisement: yes}};"
        "document.dispatchEvent(new CustomEvent('cookieyes_consent_update', {detail: {}}))",
        "getCkyConsent = () => { throw Error('no') }",
        "https://www.cookieyes.com/documentation/retrieving-consent-data-using-api-getckyconsent/",
    ),
    Tool(
        "shopify",
        "window.visitor = {marketing: '', analytics: '', preferences: '', sale_of_data: ''};"
        "window.Shopify = {customerPrivacy: {currentVisitorConsent: () => visitor,"
        "marketingAllowed: () => visitor.marketing != 'no', analyticsProcessingAllowed: () =>"
        "visitor.analytics != 'no', preferencesProcessingAllowed: () => undefined}}",
        "const said = yes ? 'yes' : 'no'; visitor = {marketing: said, analytics: said, "
        "preferences: 'no'};"
        "document.dispatchEvent(new CustomEvent('visitorConsentCollected', "
        "{detail: {marketingAllowed: yes}}))",
        "Shopify.customerPrivacy.currentVisitorConsent = () => { throw Error('no') }",
        "https://shopify.dev/docs/api/customer-privacy",
    ),
]
