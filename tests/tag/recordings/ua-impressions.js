// Impressions are a list by themselves.
dataLayer.push({ecommerce: {currencyCode: "EUR", impressions: [{id: "1", name: "A", price: "1.00"}, {id: "2", name: "B", price: "2.00"}]}});

// => view_item_list {"currency": "EUR", "items": [{"item_id": "1", "item_name": "A", "price": 1}, {"item_id": "2", "item_name": "B", "price": 2}]}
