// A single item that is in no list.
dataLayer.push({event: "view_item", ecommerce: {currency: "EUR", items: {item_id: "1", price: 10}}});

// => view_item {"currency": "EUR", "items": [{"item_id": "1", "price": 10}]}
