"""Vendors get a name of their own for each visitor: they cannot join on it, and it never changes."""

from __future__ import annotations

import itertools
import uuid
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from server.pseudonyms import Pseudonyms
from server.store.database import Database
from tests.gateway import GRANTED, OTHER_SECRET, SECRET, Gateway, event
from tests.privacy.installation import Installation

_names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,39}", fullmatch=True)


@settings(deadline=None)
@given(
    key=st.binary(min_size=32, max_size=32),
    visitor=st.uuids(version=4),
    shops=st.sets(_names, min_size=2, max_size=3),
    vendors=st.sets(_names, min_size=2, max_size=3),
)
def test_no_two_vendors_or_shops_have_a_name_in_common(
    key: bytes, visitor: uuid.UUID, shops: set[str], vendors: set[str]
) -> None:
    pseudonyms = Pseudonyms(key)
    places = list(itertools.product(shops, vendors))
    names = {pseudonyms.visitor(shop, vendor, str(visitor)) for shop, vendor in places}
    assert len(names) == len(places)
    assert str(visitor) not in names
    assert all(uuid.UUID(name).version == 4 for name in names)


def test_the_vendor_is_told_its_own_name_and_never_ours(installation: Installation) -> None:
    browser = installation.browser()
    browser.send(event("page_view"), consent=GRANTED)
    installation.until_settled("blueshift", 1)
    (told,) = installation.bulk_events()
    database = Database(installation.settings.data_dir)
    expected = Pseudonyms(database.key("pseudonyms")).visitor("demo", "blueshift", browser.visitor)
    database.close()
    assert told["cookie"] == expected != browser.visitor
    assert browser.visitor not in str(installation.requests("blueshift"))
    assert browser.visitor not in str(installation.requests("personaclick"))


def test_the_name_stays_when_the_secrets_are_rotated(tmp_path: Path) -> None:
    names = []
    for secrets in ([SECRET], [OTHER_SECRET, SECRET], [OTHER_SECRET]):
        gateway = Gateway(tmp_path, secrets=secrets)
        database = Database(gateway.settings.data_dir)
        names.append(Pseudonyms(database.key("pseudonyms")).visitor("demo", "blueshift", "v"))
        database.close()
        gateway.close()
    assert len(set(names)) == 1


def test_another_installation_has_other_names(tmp_path: Path) -> None:
    databases = Database(tmp_path / "one"), Database(tmp_path / "other")
    names = {Pseudonyms(one.key("pseudonyms")).visitor("demo", "blueshift", "v") for one in databases}
    for one in databases:
        one.close()
    assert len(names) == 2
