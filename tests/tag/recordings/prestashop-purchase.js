// PrestaShop's module names items without a prefix, and adds a callback.
gtag("event", "purchase", {send_to: "G-TEST", transaction_id: 7, value: 28.68, shipping: 7, tax: 0, currency: "EUR", items: [{id: 1, name: "Hummingbird printed t-shirt", price: 19.12, quantity: 1}], event_callback: function () {}});

// => purchase {"transaction_id": 7, "value": 28.68, "shipping": 7, "tax": 0, "currency": "EUR", "items": [{"item_id": 1, "item_name": "Hummingbird printed t-shirt", "price": 19.12, "quantity": 1}]}
