"""Every case of every vendor: these events in, exactly these requests out."""

from __future__ import annotations

from pathlib import Path

import pytest
from vendor_case import CASES, as_text, case_files, case_requests, load, make_event, make_vendor

from server.vendors import vendor_types

FILES = [pytest.param(file, id=str(file.relative_to(CASES))) for file in case_files()]


@pytest.mark.parametrize("file", FILES)
def test_events_become_the_requests_the_vendors_page_shows(file: Path) -> None:
    case = load(file)
    vendor = make_vendor(file.parent.name, case.settings)

    if case.not_wanted is not None:
        reasons = {vendor.wants(make_event(given)) for given in case.events}
        assert reasons == {case.not_wanted}
        return

    assert case.expect is not None
    sent = case_requests(vendor, case)
    assert [(request.method, request.path) for request in sent] == [(e.method, e.path) for e in case.expect]
    for request, expected in zip(sent, case.expect, strict=True):
        assert dict(request.query) == expected.query
        assert as_text(request.body) == as_text(expected.body)
        if expected.headers is not None:
            assert dict(vendor.credentials()) == expected.headers


def test_every_folder_of_cases_belongs_to_a_vendor() -> None:
    assert {file.parent.name for file in case_files()} <= set(vendor_types())


@pytest.mark.parametrize("name", vendor_types())
def test_every_vendor_has_a_case_that_shows_its_credentials(name: str) -> None:
    cases = [load(file) for file in case_files(name)]
    shown = [e for case in cases for e in case.expect or () if e.headers is not None]
    assert shown, f"no case of {name} names `headers`"
