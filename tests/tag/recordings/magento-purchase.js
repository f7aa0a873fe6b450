// Magento's own module: the order by gtag(), prices as texts.
gtag("event", "purchase", {transaction_id: "000000042", affiliation: "Main Website Store", value: "59.0000", tax: "9.0000", shipping: "5.0000", currency: "USD", items: [{item_id: "24-MB01", item_name: "Joust Duffle Bag", price: "34.0000", quantity: "1.0000"}]});

// => purchase {"transaction_id": "000000042", "value": 59, "tax": 9, "shipping": 5, "currency": "USD", "items": [{"item_id": "24-MB01", "item_name": "Joust Duffle Bag", "price": 34, "quantity": 1}]}
