"""Whoever looks at the console: by requests, or with a browser."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage
from werkzeug.test import TestResponse

from tests.gateway import Gateway
from tests.world import World

PASSWORD = "orchard-lantern-42"


class Operator:
    """A browser without a screen: keeps cookies, says where it comes from as browsers do."""

    def __init__(
        self, gateway: Gateway, url: str = "", address: str = "203.0.113.7", cookie: str = ""
    ) -> None:
        """`url`: how this browser reaches the console. `cookie`: sent each time, whatever it is told."""
        self.url = url or gateway.settings.public_url
        self.address = address
        self._cookie = cookie
        self._client = gateway.app.test_client(use_cookies=not cookie)

    def get(self, path: str, **headers: str) -> TestResponse:
        """Ask for a page; underscores in header names are hyphens."""
        return self._open("GET", path, headers)

    def post(self, path: str, form: dict[str, Any] | None = None, **headers: str) -> TestResponse:
        """Send a form, as a page of the same origin does unless the headers say otherwise."""
        return self._open(
            "POST", path, {"Sec_Fetch_Site": "same-origin", "Origin": self.url, **headers}, form
        )

    def sign_in(self, password: str = PASSWORD, **headers: str) -> TestResponse:
        return self.post("/console/sign-in", {"password": password}, **headers)

    def _open(
        self, method: str, path: str, headers: dict[str, str], form: dict[str, Any] | None = None
    ) -> TestResponse:
        return self._client.open(
            path,
            method=method,
            data=form,
            base_url=self.url,
            headers={
                name.replace("_", "-"): value
                for name, value in {**headers, "Cookie": self._cookie}.items()
                if value
            },
            environ_base={"REMOTE_ADDR": self.address},
        )


class Desk:
    """A real browser at the console of a world."""

    def __init__(self, living: World, context: BrowserContext) -> None:
        self.world = living
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error(`CSP ${e.violatedDirective}`))"
        )

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        """Go to a page of the console."""
        self.page.goto(self.world.gateway + path)

    def sign_in(self) -> None:
        self.open("/console/")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/console/shops/**")

    def check(self) -> None:
        """Nothing was refused by the policy, no script failed, and none of an event's ran."""
        assert not self.complaints, self.complaints
        assert self.page.evaluate("window.hurt") is None
