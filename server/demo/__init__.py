"""The demo shop: a small shop with the tag on every page and a panel that shows what Gatepost does with it.

It is written as a shop's own developer would write it: it speaks to Gatepost only through the tag.
"""

from server.demo.live import LiveDelivery, LiveEvent, LiveRequest
from server.demo.shop import create_shop

__all__ = ["LiveDelivery", "LiveEvent", "LiveRequest", "create_shop"]
