// Ids as numbers; the server makes texts of them.
dataLayer.push({event: "add_to_cart", ecommerce: {items: [{item_id: 100500, price: 45.5}]}});

// => add_to_cart {"items": [{"item_id": 100500, "price": 45.5}]}
