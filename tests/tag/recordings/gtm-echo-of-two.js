// Two commands of one name, and both their echoes.
gtag("event", "add_to_cart", {items: [{item_id: "1"}]});
gtag("event", "add_to_cart", {items: [{item_id: "2"}]});
dataLayer.push({event: "add_to_cart", eventModel: {items: [{item_id: "1"}]}, "gtm.uniqueEventId": 3}, {event: "add_to_cart", eventModel: {items: [{item_id: "2"}]}, "gtm.uniqueEventId": 4});

// => add_to_cart {"items": [{"item_id": "1"}]}
// => add_to_cart {"items": [{"item_id": "2"}]}
