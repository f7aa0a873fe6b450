// Tag Manager's own events, and those of others.
dataLayer.push({event: "gtm.dom"}, {event: "gtm.load"}, {event: "gtm.click", "gtm.element": document.documentElement});
dataLayer.push({event: "consent_status", cart: 1}, {event: "scroll", percent: 50}, {pageType: "product"});
