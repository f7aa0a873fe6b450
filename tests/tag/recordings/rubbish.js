// Whatever else a layer holds.
for (const rubbish of [null, undefined, 0, "", "text", [], {}, () => dataLayer.length, Symbol("x"), NaN, document.documentElement, [["event"]], {event: {}}, {event: null, ecommerce: 1}, {event: "purchase", ecommerce: {items: [null]}}]) dataLayer.push(rubbish);
dataLayer.push({event: "add_to_cart", ecommerce: {items: [{item_id: "1"}]}});

// => purchase {"items": []}
// => add_to_cart {"items": [{"item_id": "1"}]}
