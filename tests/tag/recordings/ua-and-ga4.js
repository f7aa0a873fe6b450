// A shop in between says both; it is one event.
dataLayer.push({event: "add_to_cart", ecommerce: {currency: "EUR", items: [{item_id: "1", price: 10}], currencyCode: "EUR", add: {products: [{id: "1", price: "10"}]}}});

// => add_to_cart {"currency": "EUR", "items": [{"item_id": "1", "price": 10}]}
