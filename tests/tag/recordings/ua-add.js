// Whatever its event is called.
dataLayer.push({event: "addToCart", ecommerce: {currencyCode: "EUR", add: {products: [{id: "100500", price: "45.50", quantity: 2}]}}});

// => add_to_cart {"currency": "EUR", "items": [{"item_id": "100500", "price": 45.5, "quantity": 2}]}
