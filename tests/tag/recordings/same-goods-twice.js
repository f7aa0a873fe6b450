// The same goods once more are one more event.
const entry = {event: "add_to_cart", ecommerce: {items: [{item_id: "1"}]}};
dataLayer.push(Object.assign({}, entry));
dataLayer.push(Object.assign({}, entry));

// => add_to_cart {"items": [{"item_id": "1"}]}
// => add_to_cart {"items": [{"item_id": "1"}]}
