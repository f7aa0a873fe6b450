// Shopware says what was searched for.
gtag("event", "search", {search_term: "shoe"});

// => search {"search_term": "shoe"}
