// A wish.
dataLayer.push({event: "add_to_wishlist", ecommerce: {currency: "EUR", value: 45.5, items: [{item_id: "100500"}]}});

// => add_to_wishlist {"currency": "EUR", "value": 45.5, "items": [{"item_id": "100500"}]}
