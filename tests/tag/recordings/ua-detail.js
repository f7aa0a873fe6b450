// Form 5: a product page of Universal Analytics.
dataLayer.push({ecommerce: {currencyCode: "EUR", detail: {actionField: {list: "Apparel"}, products: [{name: "Shirt", id: "100500", price: "45.50", brand: "Ada", category: "Clothes/Shirts/Blue", variant: "blue"}]}}});

// => view_item {"currency": "EUR", "items": [{"item_id": "100500", "item_name": "Shirt", "price": 45.5, "item_brand": "Ada", "item_category": "Clothes", "item_category2": "Shirts", "item_category3": "Blue", "item_variant": "blue"}]}
