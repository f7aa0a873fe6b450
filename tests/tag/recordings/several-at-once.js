// One push, several entries.
dataLayer.push({ecommerce: null}, {event: "view_item", ecommerce: {items: [{item_id: "1"}]}}, {event: "add_to_cart", ecommerce: {items: [{item_id: "1"}]}});

// => view_item {"items": [{"item_id": "1"}]}
// => add_to_cart {"items": [{"item_id": "1"}]}
