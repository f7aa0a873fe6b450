// A list with its own name and places.
dataLayer.push({event: "view_item_list", ecommerce: {item_list_id: "summer", item_list_name: "Summer", items: [{item_id: "1", index: 0}, {item_id: "2", index: 1}]}});

// => view_item_list {"item_list_id": "summer", "item_list_name": "Summer", "items": [{"item_id": "1", "index": 0}, {"item_id": "2", "index": 1}]}
