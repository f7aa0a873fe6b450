/** What browsers and pages have and TypeScript does not know of. */

interface Window {
  gatepost: any;
  navigation?: EventTarget & {currentEntry: unknown};
}

interface Navigator {
  globalPrivacyControl?: boolean;
}

interface Document {
  prerendering?: boolean;
}
