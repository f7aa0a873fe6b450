// A product page that also shows others.
dataLayer.push({ecommerce: {detail: {products: [{id: "1"}]}, impressions: [{id: "2"}, {id: "3"}]}});

// => view_item_list {"items": [{"item_id": "2"}, {"item_id": "3"}]}
// => view_item {"items": [{"item_id": "1"}]}
