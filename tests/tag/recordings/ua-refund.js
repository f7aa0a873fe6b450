// A part of an order.
dataLayer.push({ecommerce: {refund: {actionField: {id: "T-9"}, products: [{id: "1", quantity: 1}]}}});

// => refund {"transaction_id": "T-9", "items": [{"item_id": "1", "quantity": 1}]}
