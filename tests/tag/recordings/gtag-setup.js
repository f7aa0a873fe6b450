// What gtag() is told besides is not ours.
gtag("js", new Date());
gtag("config", "G-TEST", {user_id: "c-42"});
gtag("set", {currency: "EUR"});
gtag("get", "G-TEST", "client_id", () => {});
gtag("event", "page_view");
