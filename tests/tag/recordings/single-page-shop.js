// Several pages of one document, each with its goods emptied first.
dataLayer.push({ecommerce: null});
dataLayer.push({event: "view_item_list", ecommerce: {items: [{item_id: "1"}, {item_id: "2"}]}});
dataLayer.push({ecommerce: null});
dataLayer.push({event: "view_item", ecommerce: {items: [{item_id: "2"}]}});

// => view_item_list {"items": [{"item_id": "1"}, {"item_id": "2"}]}
// => view_item {"items": [{"item_id": "2"}]}
