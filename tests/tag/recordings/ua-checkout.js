// Every step is called checkout; it begins with the first.
dataLayer.push({event: "checkout", ecommerce: {checkout: {actionField: {step: 1}, products: [{id: "1", price: "10"}]}}});
dataLayer.push({event: "checkout", ecommerce: {checkout: {actionField: {step: 2, option: "Visa"}, products: [{id: "1", price: "10"}]}}});

// => begin_checkout {"items": [{"item_id": "1", "price": 10}]}
