// Form 2: an Arguments object, as gtag() pushes it.
gtag("event", "add_to_cart", {currency: "EUR", value: 45.5, items: [{item_id: "100500", price: 45.5, quantity: 1}]});

// => add_to_cart {"currency": "EUR", "value": 45.5, "items": [{"item_id": "100500", "price": 45.5, "quantity": 1}]}
