// A command about consent is no event.
gtag("consent", "default", {ad_storage: "denied", analytics_storage: "denied"});
dataLayer.push({event: "add_to_cart", ecommerce: {items: [{item_id: "1"}]}});

// => add_to_cart {"items": [{"item_id": "1"}]}
