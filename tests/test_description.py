"""`GET /openapi.json` describes every route there is, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.gateway import PATH_MODE, Gateway


def described(gateway: Gateway) -> dict[str, Any]:
    answer = gateway.app.test_client().get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json)


def routes(gateway: Gateway) -> set[tuple[str, str]]:
    """Method and path, with {shop} for Flask's <shop>; of the console its front alone."""
    return {
        (method.lower(), re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in gateway.app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
        and (rule.rule == "/console/" or not rule.rule.startswith("/console/"))
    }


def operations(description: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (method, path)
        for path, item in description["paths"].items()
        for method in item
        if method != "parameters"
    }


def test_every_route_is_described_and_every_description_is_a_route(gateway: Gateway) -> None:
    assert operations(described(gateway)) == routes(gateway)


def test_in_path_mode_the_paths_are_those_of_the_shop(gateways: Callable[..., Gateway]) -> None:
    gateway = gateways(public_url=PATH_MODE.replace("/gp", "/hello"))
    assert "/hello/{shop}/e" in described(gateway)["paths"]
    assert operations(described(gateway)) == routes(gateway)


def test_every_reference_leads_somewhere(gateway: Gateway) -> None:
    description = described(gateway)
    schemas = description["components"]["schemas"]
    names = set(re.findall(r"#/components/schemas/(\w+)", str(description)))
    assert names
    assert names <= set(schemas)


@pytest.mark.parametrize("status", ["400", "403", "404", "413", "422", "429", "503"])
def test_the_answers_of_the_endpoint_are_described(gateway: Gateway, status: str) -> None:
    answers = described(gateway)["paths"]["/gp/{shop}/e"]["post"]["responses"]
    assert answers[status]["content"]["application/json"]["schema"]["$ref"].endswith("/Error")
    assert ("headers" in answers[status]) == (status in ("429", "503"))
