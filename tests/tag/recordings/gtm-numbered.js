// Tag Manager numbers every object; that makes no echo of it.
dataLayer.push({event: "gtm.js", "gtm.start": 1790000000000, "gtm.uniqueEventId": 1});
dataLayer.push({event: "add_to_cart", ecommerce: {items: [{item_id: "1"}]}, "gtm.uniqueEventId": 7});

// => add_to_cart {"items": [{"item_id": "1"}]}
