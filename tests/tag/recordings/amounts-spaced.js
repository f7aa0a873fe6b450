// With spaces that do not break, apostrophes and dashes.
dataLayer.push({event: "view_cart", ecommerce: {value: "1\u00a0299,50\u00a0Kč", items: [{item_id: "1", price: "1’299.50"}, {item_id: "2", price: "12,-"}, {item_id: "3", price: "Rs. 1,00,000.00"}]}});

// => view_cart {"value": 1299.5, "items": [{"item_id": "1", "price": 1299.5}, {"item_id": "2", "price": 12}, {"item_id": "3", "price": 100000}]}
