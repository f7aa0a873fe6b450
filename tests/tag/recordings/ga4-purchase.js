// An order with all its amounts.
dataLayer.push({event: "purchase", ecommerce: {transaction_id: "T-1001", affiliation: "Web", value: 100.9, tax: 16.1, shipping: 4.9, currency: "EUR", coupon: "SUMMER10", items: [{item_id: "100500", item_name: "Shirt", item_brand: "Ada", item_category: "Clothes", item_category2: "Shirts", price: 48, quantity: 2, discount: 2, coupon: "X"}]}});

// => purchase {"transaction_id": "T-1001", "value": 100.9, "tax": 16.1, "shipping": 4.9, "currency": "EUR", "coupon": "SUMMER10", "items": [{"item_id": "100500", "item_name": "Shirt", "item_brand": "Ada", "item_category": "Clothes", "item_category2": "Shirts", "price": 48, "quantity": 2, "discount": 2, "coupon": "X"}]}
