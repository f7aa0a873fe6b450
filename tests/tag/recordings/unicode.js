// Texts of every alphabet.
dataLayer.push({event: "view_item", ecommerce: {currency: "UAH", items: [{item_id: "ї-1", item_name: "Вишиванка «Калина» 👕"}]}});

// => view_item {"currency": "UAH", "items": [{"item_id": "ї-1", "item_name": "Вишиванка «Калина» 👕"}]}
