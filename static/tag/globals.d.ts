/** What browsers and pages have and TypeScript does not know of. */

interface Window {
  gatepost: any;
  navigation?: EventTarget & {currentEntry: unknown};
  OptanonActiveGroups: string;
  wp_consent_type: string;
  wp_fallback_consent_type: string;
}

interface Navigator {
  globalPrivacyControl?: boolean;
}

interface Document {
  prerendering?: boolean;
}
