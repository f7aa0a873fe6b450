// Amounts as they are printed.
dataLayer.push({event: "view_cart", ecommerce: {currency: "EUR", value: "1.299,00 €", items: [{item_id: "1", price: "1.299,00", quantity: "1"}, {item_id: "2", price: "19,90 €"}]}});

// => view_cart {"currency": "EUR", "value": 1299, "items": [{"item_id": "1", "price": 1299, "quantity": 1}, {"item_id": "2", "price": 19.9}]}
