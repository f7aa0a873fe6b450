// What was taken out.
dataLayer.push({event: "remove_from_cart", ecommerce: {currency: "EUR", value: 45.5, items: [{item_id: "100500", price: 45.5, quantity: 1}]}});

// => remove_from_cart {"currency": "EUR", "value": 45.5, "items": [{"item_id": "100500", "price": 45.5, "quantity": 1}]}
