// What is no amount is left out, never nought.
dataLayer.push({event: "view_item", ecommerce: {currency: "EUR", value: "", items: [{item_id: "1", price: "on request", discount: null}]}});

// => view_item {"currency": "EUR", "items": [{"item_id": "1"}]}
