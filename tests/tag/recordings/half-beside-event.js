// The amounts beside the event, the goods inside.
dataLayer.push({event: "purchase", transaction_id: "T-3", currency: "EUR", ecommerce: {value: 10, items: [{item_id: "1", price: 10}]}});

// => purchase {"transaction_id": "T-3", "currency": "EUR", "value": 10, "items": [{"item_id": "1", "price": 10}]}
