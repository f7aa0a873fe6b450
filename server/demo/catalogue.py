"""What the shop sells: three categories, nine products, each in a few variants with ids of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Variant:
    """One thing that can be put in a cart."""

    item_id: str
    name: str
    """What tells it from its siblings: a colour or a size."""
    cents: int
    stock: int
    colour: str
    """What the picture is painted in, as #rrggbb."""
    scale: float = 1.0
    """How large the picture draws it."""

    @property
    def price(self) -> float:
        """The price as a decimal, the way events carry it: 45.5."""
        return self.cents / 100


@dataclass(frozen=True)
class Product:
    """A product with its variants; the first variant is the one shown in lists."""

    name: str
    brand: str
    category: str
    """A key of `CATEGORIES`."""
    picture: str
    """The drawing in templates/demo/pictures, without its ending."""
    wall: str
    """The colour of the wall in the picture."""
    line: str
    """One sentence under the name."""
    facts: tuple[str, ...]
    variants: tuple[Variant, ...]
    choice: str = "Colour"
    """What the variants differ in."""

    @property
    def first(self) -> Variant:
        """The variant shown where only one can be."""
        return self.variants[0]


@dataclass(frozen=True)
class Category:
    """A shelf of the shop."""

    id: str
    name: str
    line: str
    cover: str
    """The item id whose picture stands for the category."""


@dataclass(frozen=True)
class Catalogue:
    """Everything on sale, found by item id, by category or by words."""

    categories: tuple[Category, ...]
    products: tuple[Product, ...]
    by_id: dict[str, tuple[Product, Variant]] = field(init=False)

    def __post_init__(self) -> None:
        by_id = {
            variant.item_id: (product, variant) for product in self.products for variant in product.variants
        }
        object.__setattr__(self, "by_id", by_id)

    def find(self, item_id: str) -> tuple[Product, Variant] | None:
        """The product and variant of an item id; None when nothing has it."""
        return self.by_id.get(item_id)

    def category(self, category_id: str) -> Category | None:
        """The category of that id, or None."""
        return next((each for each in self.categories if each.id == category_id), None)

    def within(self, category_id: str) -> tuple[Product, ...]:
        """The products of one category, in shop order."""
        return tuple(product for product in self.products if product.category == category_id)

    def search(self, term: str) -> tuple[Product, ...]:
        """Products whose name, line, brand, category, variants or ids hold every word of `term`."""
        words = term.casefold().split()
        return tuple(
            product for product in self.products if words and all(w in _words(product) for w in words)
        )

    def beside(self, product: Product, count: int = 3) -> tuple[Product, ...]:
        """What goes well with a product: one from each other shelf first, never itself."""
        at = self.products.index(product)
        around = self.products[at + 1 :] + self.products[:at]
        others = [each for each in around if each.category != product.category]
        same = [each for each in around if each.category == product.category]
        return tuple((others[1::2] + others[::2] + same)[:count])


def _words(product: Product) -> str:
    variants = " ".join(f"{variant.name} {variant.item_id}" for variant in product.variants)
    return f"{product.name} {product.line} {product.brand} {product.category} {variants}".casefold()


CATALOGUE: Final = Catalogue(
    categories=(
        Category("kitchen", "Kitchen", "For the hob, the oven and the worktop.", "100500"),
        Category("table", "Table", "To pour from, drink from and pass around.", "200110"),
        Category("outdoors", "Outdoors", "For porches, boats and cold mornings.", "300200"),
    ),
    products=(
        Product(
            "Enamel kettle",
            "Hob & Tarn",
            "kitchen",
            "kettle",
            "#cfdcd3",
            "A litre and a half, heavy at the base, with a beech grip that stays cool.",
            (
                "1.5 litres",
                "Enamelled steel, 0.8 mm",
                "Any hob, induction too",
                "Hand wash; dry before storing",
            ),
            (
                Variant("100500", "Juniper", 4550, 24, "#3d6b5b"),
                Variant("100501", "Ember", 4550, 8, "#c4532d"),
                Variant("100502", "Chalk", 4550, 0, "#e6e0d3"),
            ),
        ),
        Product(
            "Cast-iron skillet",
            "Rønn Foundry",
            "kitchen",
            "skillet",
            "#e9c9a4",
            "Cast in sand, seasoned twice, good for eggs on the day it arrives.",
            (
                "Seasoned with linseed oil",
                "Any hob, oven and open fire",
                "Pouring lip on both sides",
                "Lifetime guarantee",
            ),
            (
                Variant("100610", "24 cm", 5800, 15, "#2d3133", 0.84),
                Variant("100611", "28 cm", 7200, 3, "#2d3133", 0.96),
            ),
            choice="Size",
        ),
        Product(
            "Oak serving board",
            "Hob & Tarn",
            "kitchen",
            "board",
            "#a9bfc9",
            "One plank of European oak, oiled by hand. Bread on one side, cheese on the other.",
            (
                "Solid oak, 22 mm",
                "Finished with food-safe oil",
                "FSC-certified wood",
                "Wipe clean; oil twice a year",
            ),
            (
                Variant("100720", "Small, 34 cm", 2900, 40, "#c58f58", 0.84),
                Variant("100721", "Large, 46 cm", 3950, 19, "#c58f58"),
            ),
            choice="Size",
        ),
        Product(
            "Enamel mug",
            "Hob & Tarn",
            "table",
            "mug",
            "#f0c66b",
            "Holds a proper coffee. Chips in time, and looks better for it.",
            ("350 ml", "Enamelled steel, rolled rim", "Dishwasher safe", "Not for the microwave"),
            (
                Variant("200100", "Lake", 1450, 120, "#2f5d8a"),
                Variant("200101", "Chalk", 1450, 64, "#ece6d9"),
                Variant("200102", "Moss", 1450, 2, "#65753f"),
            ),
        ),
        Product(
            "Stoneware carafe",
            "Atelier Volk",
            "table",
            "carafe",
            "#d9a99a",
            "Thrown on the wheel and dipped by hand, so no two glaze lines are the same.",
            ("1.1 litres", "High-fired stoneware", "Keeps water cool for an hour", "Dishwasher safe"),
            (
                Variant("200110", "Slate", 3900, 11, "#56707c"),
                Variant("200111", "Rosehip", 3900, 6, "#9c4a45"),
            ),
        ),
        Product(
            "Nesting bowls",
            "Atelier Volk",
            "table",
            "bowls",
            "#b9c6a8",
            "Three bowls that mix, serve and then disappear into one another.",
            ("Set of three: 14, 19 and 24 cm", "Glazed stoneware", "Oven to 220 °C", "Dishwasher safe"),
            (
                Variant("200120", "Harbour", 4800, 9, "#3f6f86"),
                Variant("200121", "Clay", 4800, 5, "#b0704a"),
            ),
        ),
        Product(
            "Storm lantern",
            "Nordlys Works",
            "outdoors",
            "lantern",
            "#44586a",
            "Burns for twenty hours on a fill, and does not mind the wind.",
            ("Height 28 cm", "Powder-coated steel", "Glass can be replaced", "Burns lamp oil"),
            (
                Variant("300200", "Signal", 7900, 7, "#b8432f"),
                Variant("300201", "Pine", 7900, 12, "#3f6a55"),
            ),
        ),
        Product(
            "Vacuum flask",
            "Nordlys Works",
            "outdoors",
            "flask",
            "#dfd2bd",
            "Tea at six in the morning is still tea at six in the evening.",
            ("0.75 litres", "Hot for 18 hours, cold for 24", "Steel inside and out", "The lid is the cup"),
            (
                Variant("300210", "Moss", 3690, 33, "#5f7040"),
                Variant("300211", "Night", 3690, 21, "#31435e"),
                Variant("300212", "Ember", 3690, 0, "#bb4f2c"),
            ),
        ),
        Product(
            "Wool blanket",
            "Fell Weavers",
            "outdoors",
            "blanket",
            "#b7b3cc",
            "New wool, woven in a mill of eleven people, brushed on one side.",
            ("130 × 190 cm", "100 % new wool, 1.2 kg", "Fringed by hand", "Air it; it hardly needs washing"),
            (
                Variant("300220", "Rust", 12900, 4, "#a8623f"),
                Variant("300221", "Oat", 12900, 10, "#d8c7a2"),
            ),
        ),
    ),
)
