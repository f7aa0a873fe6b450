// The same the other way.
dataLayer.push({event: "removeFromCart", ecommerce: {remove: {products: [{id: "100500", quantity: "1"}]}}});

// => remove_from_cart {"items": [{"item_id": "100500", "quantity": 1}]}
