// A refund has no word in our table; it goes as a custom event.
dataLayer.push({event: "refund", ecommerce: {currency: "EUR", transaction_id: "T-1001", value: 48, items: [{item_id: "100500", quantity: 1}]}});

// => refund {"currency": "EUR", "transaction_id": "T-1001", "value": 48, "items": [{"item_id": "100500", "quantity": 1}]}
