// Objects as pages have them.
const goods = {currency: "EUR", value: () => 1, coupon: Symbol("x"), items: [{item_id: "1", price: 10, item_name: document.documentElement, item_brand: {name: "Ada"}}]};
goods.items[0].self = goods;
goods.self = goods;
dataLayer.push({event: "view_item", eventCallback() { throw Error("called"); }, element: document.documentElement, view: window, ecommerce: goods});

// => view_item {"currency": "EUR", "items": [{"item_id": "1", "price": 10}]}
