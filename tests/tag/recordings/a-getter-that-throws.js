// One entry is lost, the next is not.
dataLayer.push({event: "view_item", get ecommerce() { throw Error("no"); }});
dataLayer.push({event: "add_to_cart", ecommerce: {items: [{item_id: "1"}]}});

// => add_to_cart {"items": [{"item_id": "1"}]}
