// So does a click on a list.
dataLayer.push({event: "select_item", ecommerce: {item_list_name: "Summer", items: [{item_id: "100500"}]}});

// => select_item {"item_list_name": "Summer", "items": [{"item_id": "100500"}]}
