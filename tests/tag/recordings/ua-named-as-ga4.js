// A name of today with goods of then.
dataLayer.push({event: "purchase", ecommerce: {currencyCode: "EUR", purchase: {actionField: {id: "T-8", revenue: "10.00"}, products: [{id: "1"}]}}});

// => purchase {"transaction_id": "T-8", "currency": "EUR", "value": 10, "items": [{"item_id": "1"}]}
