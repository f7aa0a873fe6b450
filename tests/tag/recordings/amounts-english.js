// With commas for thousands.
dataLayer.push({event: "view_cart", ecommerce: {currency: "USD", value: "$1,299.00", items: [{item_id: "1", price: "1,299"}, {item_id: "2", price: "USD 12.5"}]}});

// => view_cart {"currency": "USD", "value": 1299, "items": [{"item_id": "1", "price": 1299}, {"item_id": "2", "price": 12.5}]}
