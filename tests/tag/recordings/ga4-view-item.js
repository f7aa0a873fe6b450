// Form 1: the field is emptied, then the event with its goods.
dataLayer.push({ecommerce: null});
dataLayer.push({event: "view_item", ecommerce: {currency: "EUR", value: 45.5, items: [{item_id: "100500", item_name: "Shirt", price: 45.5}]}});

// => view_item {"currency": "EUR", "value": 45.5, "items": [{"item_id": "100500", "item_name": "Shirt", "price": 45.5}]}
