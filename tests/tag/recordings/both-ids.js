// item_id is the product, whatever else has an id.
dataLayer.push({event: "add_to_cart", ecommerce: {items: [{item_id: "SKU-1", id: 77, sku: "S"}, {id: 78, item_id: "SKU-2"}]}});

// => add_to_cart {"items": [{"item_id": "SKU-1"}, {"item_id": "SKU-2"}]}
