// Quantities and variants.
dataLayer.push({event: "add_to_cart", ecommerce: {currency: "EUR", value: 91, items: [{item_id: "100500", item_variant: "blue", quantity: 2, price: 45.5}]}});

// => add_to_cart {"currency": "EUR", "value": 91, "items": [{"item_id": "100500", "item_variant": "blue", "quantity": 2, "price": 45.5}]}
