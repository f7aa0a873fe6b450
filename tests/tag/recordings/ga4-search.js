// GA4 names the term search_term.
dataLayer.push({event: "search", search_term: "blue shirt"});

// => search {"search_term": "blue shirt"}
