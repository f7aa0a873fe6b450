// The order's own fields stand in actionField.
dataLayer.push({event: "transaction", ecommerce: {currencyCode: "EUR", purchase: {actionField: {id: "T-9", affiliation: "Web", revenue: "1.299,00", tax: "207,40", shipping: "0,00", coupon: "X"}, products: [{id: "1", name: "Sofa", price: "1.299,00", quantity: 1}]}}});

// => purchase {"transaction_id": "T-9", "currency": "EUR", "value": 1299, "tax": 207.4, "shipping": 0, "coupon": "X", "items": [{"item_id": "1", "item_name": "Sofa", "price": 1299, "quantity": 1}]}
