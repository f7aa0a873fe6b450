// A click on a list.
dataLayer.push({event: "productClick", ecommerce: {click: {actionField: {list: "Search"}, products: [{id: "1", name: "A"}]}}});

// => select_item {"items": [{"item_id": "1", "item_name": "A"}]}
