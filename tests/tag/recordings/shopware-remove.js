// Shopware's older names.
gtag("event", "remove_from_cart", {items: [{id: "SW10001", quantity: 1}]});

// => remove_from_cart {"items": [{"item_id": "SW10001", "quantity": 1}]}
