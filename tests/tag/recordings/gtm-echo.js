// Form 3: Tag Manager pushes the command of gtag() once more.
gtag("event", "purchase", {transaction_id: "T-2", currency: "EUR", value: 10, items: [{item_id: "1", price: 10}]});
dataLayer.push({event: "purchase", eventModel: {transaction_id: "T-2", currency: "EUR", value: 10, items: [{item_id: "1", price: 10}]}, "gtm.uniqueEventId": 12});

// => purchase {"transaction_id": "T-2", "currency": "EUR", "value": 10, "items": [{"item_id": "1", "price": 10}]}
