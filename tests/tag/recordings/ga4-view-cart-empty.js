// An emptied cart is said by an empty list.
dataLayer.push({event: "view_cart", ecommerce: {currency: "EUR", value: 0, items: []}});

// => view_cart {"currency": "EUR", "value": 0, "items": []}
