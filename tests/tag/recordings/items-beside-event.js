// Form 4: the goods beside the event.
dataLayer.push({event: "add_to_cart", currency: "EUR", value: 45.5, items: [{item_id: "100500", price: 45.5}]});

// => add_to_cart {"currency": "EUR", "value": 45.5, "items": [{"item_id": "100500", "price": 45.5}]}
