/**
 * Types of `gatepost`, the array that the tag takes its commands from. Copy the file into your project, or
 * refer to it; nothing is imported from it. Names and params are those of docs/events.md.
 */

export {};

/** One product. `item_id` is what your vendors' feeds know it by. */
export interface GatepostItem {
  item_id: string | number;
  item_name?: string;
  price?: number;
  quantity?: number;
  discount?: number;
  coupon?: string;
  item_brand?: string;
  item_category?: string;
  item_category2?: string;
  item_category3?: string;
  item_category4?: string;
  item_category5?: string;
  item_variant?: string;
  in_stock?: boolean;
  item_list_id?: string;
  index?: number;
  [further: string]: GatepostScalar | GatepostScalar[] | undefined;
}

export type GatepostScalar = string | number | boolean | null;

/** What a param that has no name of its own may be. */
export type GatepostValue = GatepostScalar | GatepostScalar[];

export type GatepostPageType = "home" | "category" | "product" | "cart" | "checkout" | "search" | "other";

interface Money {
  /** Three letters, such as "EUR". */
  currency?: string;
  value?: number;
}

interface Recommended {
  recommended_by?: string;
  recommended_code?: string;
}

interface Recommendation {
  vendor: string;
  type?: string;
  id: string | number;
}

/** The events that vendors know, with their params. Any other name is a custom event. */
export interface GatepostEvents {
  /** Without items, a tag with `structured_data` completes it from the page's JSON-LD. */
  view_item: Money & Recommended & {items?: [GatepostItem]};
  view_category: {category_id: string | number; category_path?: string[]; items?: GatepostItem[]};
  view_item_list: {items: GatepostItem[]; item_list_id?: string; item_list_name?: string};
  search: {search_term: string; results?: number; items?: GatepostItem[]; recommended_code?: string};
  add_to_cart: Money & Recommended & {items: GatepostItem[]};
  remove_from_cart: Money & Recommended & {items: GatepostItem[]};
  /** The whole cart; an empty list says that it was emptied. */
  view_cart: Money & {items: GatepostItem[]; cart_id?: string};
  update_cart: Money & {items: GatepostItem[]; cart_id?: string};
  add_to_wishlist: {items: GatepostItem[]; currency?: string};
  remove_from_wishlist: {items: GatepostItem[]; currency?: string};
  update_wishlist: {items: GatepostItem[]};
  begin_checkout: Money & {items: GatepostItem[]; coupon?: string};
  purchase: Money & {
    transaction_id: string | number;
    items: GatepostItem[];
    tax?: number;
    shipping?: number;
    discount?: number;
    coupon?: string;
    cash?: number;
    bonuses?: number;
    delivery_type?: string;
    delivery_address?: string;
    payment_type?: string;
    tax_free?: boolean;
    cart_id?: string;
    custom?: Record<string, GatepostValue>;
  };
  view_recommendation: {content: Recommendation; items?: GatepostItem[]};
  select_recommendation: {content: Recommendation; items: [GatepostItem]; action?: string};
  subscription_start: Money & Subscription;
  subscription_upgrade: Money & Subscription;
  subscription_downgrade: Money & Subscription;
  subscription_billing: Omit<Subscription, "plan"> & {value: number; currency?: string; plan?: string};
  subscription_cancel: Money & Subscription;
  message_received: Message;
  message_clicked: Message;
  message_closed: Message;
}

interface Subscription {
  plan: string;
  period?: string;
  period_length?: number;
  started_at?: string | number;
  ends_at?: string | number;
  billed_at?: string | number;
  canceled_at?: string | number;
}

interface Message {
  code: string;
  type: "bulk" | "chain" | "transactional";
  stream?: string;
}

/** A custom event's params: scalars and lists of them; items, if it is about products. */
export type GatepostCustomParams = {items?: GatepostItem[]} & {[name: string]: GatepostValue | GatepostItem[] | undefined};

/** Who the visitor is: at least one of the three, and any attributes. */
export type GatepostIdentity = {
  id?: string | number;
  email?: string;
  phone?: string | number;
  [attribute: string]: GatepostValue | undefined;
};

export type GatepostDecision = "granted" | "denied";

/** The purposes that vendors have by default, and the shop's own words. */
export type GatepostConsent = {
  analytics?: GatepostDecision;
  personalization?: GatepostDecision;
  marketing?: GatepostDecision;
  [purpose: string]: GatepostDecision | undefined;
};

export type GatepostPage = {type?: GatepostPageType; [param: string]: GatepostValue | undefined};

type Known = keyof GatepostEvents;

/** A name that is not one of those known, so that a misspelt param of a known one is noticed. */
type Custom<Name extends string> = Name extends Known ? never : Name;

type TrackCommand = {[Name in Known]: ["track", Name, GatepostEvents[Name]]}[Known];

/** What may be pushed. */
export type GatepostCommand =
  | TrackCommand
  | ["track", "view_item"]
  | ["page", GatepostPage?]
  | ["identify", GatepostIdentity]
  | ["consent", GatepostConsent]
  | ["reset"]
  | ["debug", boolean?];

export interface Gatepost {
  /** Before the tag has loaded an array's, after that the tag's; it means the same. */
  push(...commands: GatepostCommand[]): number;
  push<Name extends string>(command: ["track", Custom<Name>, GatepostCustomParams?]): number;
  /** The rest is there once the tag has loaded. */
  track?<Name extends Known>(name: Name, params: GatepostEvents[Name]): void;
  track?<Name extends string>(name: Custom<Name>, params?: GatepostCustomParams): void;
  page?(params?: GatepostPage): void;
  identify?(params: GatepostIdentity): void;
  consent?(decisions: GatepostConsent): void;
  reset?(): void;
  debug?(on?: boolean): void;
  /** Whether Global Privacy Control was honoured, and what the visitor has decided. */
  privacy?(): {gpc: boolean; honoured: boolean; consent: GatepostConsent};
}

declare global {
  interface Window {
    gatepost: Gatepost;
  }
  var gatepost: Gatepost;
}
