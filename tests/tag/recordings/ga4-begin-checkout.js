// With a coupon.
dataLayer.push({event: "begin_checkout", ecommerce: {currency: "EUR", value: 91, coupon: "SUMMER10", items: [{item_id: "100500", quantity: 2, price: 45.5}]}});

// => begin_checkout {"currency": "EUR", "value": 91, "coupon": "SUMMER10", "items": [{"item_id": "100500", "quantity": 2, "price": 45.5}]}
