// The customer's data is not even looked at.
const customer = {get email() { throw Error("looked at"); }};
dataLayer.push({event: "purchase", user_data: customer, customer, visitorEmail: "ada@customer.example", name: "Ada", ecommerce: {transaction_id: "T-4", currency: "EUR", value: 10, customer, billing: {first_name: "Ada", phone: "380501234567"}, email: "ada@customer.example", items: [{item_id: "1", price: 10, customer, giftMessage: "For Ada"}]}});

// => purchase {"transaction_id": "T-4", "currency": "EUR", "value": 10, "items": [{"item_id": "1", "price": 10}]}
