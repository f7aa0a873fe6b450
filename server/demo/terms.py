"""The shop's terms: ways of delivery and payment, and the form's example customer."""

from __future__ import annotations

FREE_DELIVERY = 8000
"""Cents of goods from which delivery costs nothing."""
DELIVERY = {"parcel": ("Parcel to your door, 2–3 days", 490), "pickup": ("Collect at the workshop", 0)}
"""What each way is called and costs, in cents."""
PAYMENT = {"card": "Card", "invoice": "Invoice, 14 days"}
VAT_PERCENT = 20
"""Contained in every price."""
SAMPLE = {
    "email": "ada@customer.example",
    "first_name": "Ada",
    "last_name": "Sommer",
    "phone": "+493055501842",
    "street": "Lindenweg 4",
    "postcode": "10115",
    "city": "Berlin",
}
"""What forms are filled in with, so that the demo can be clicked through."""
LONGEST_FIELD = 120


def delivery_cents(way: str, goods: int) -> int:
    """What delivering `goods` cents' worth costs that way, in cents."""
    return 0 if goods >= FREE_DELIVERY else DELIVERY[way][1]


def contained_vat(cents: int) -> int:
    """The VAT contained in a price, in cents."""
    return round(cents * VAT_PERCENT / (100 + VAT_PERCENT))


def is_email(said: str) -> bool:
    """Whether this could be an e-mail address: something, one @, a domain with a dot, no blanks."""
    name, _, domain = said.partition("@")
    parts = domain.split(".")
    return bool(name) and len(parts) > 1 and all(parts) and "@" not in domain and len(said.split()) == 1
