"""A shop and the gateway as browsers meet them: over https, under names of their own.

The names exist in this browser alone; the certificate is made for the occasion and believed by nobody else.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request
from werkzeug.wrappers import Response as Answer

from server.app import close, create_app
from server.configure import read_settings
from tests.gateway import configuration, eventually, free_port, write_configuration
from tests.world import MovableClock

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
PAGE = b"<!doctype html><meta charset=utf-8><title>Shop</title><h1>Shop</h1>"
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
"""A browser that nobody automates: an automated one is a bot everywhere but on localhost."""


def missing(what: str) -> None:
    """Skip the test with the reason; fail in CI, where it would silently test nothing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing")


def certificate(folder: Path) -> tuple[str, str]:
    """A self-signed certificate and its key, as files."""
    if shutil.which("openssl") is None:
        missing("openssl")
    files = str(folder / "certificate.pem"), str(folder / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"),
            *("-out", files[0], "-keyout", files[1]),
        ],
        check=True,
        capture_output=True,
    )
    return files


class Site:
    """A shop's pages and the gateway; `shop` and `endpoint` are as browsers see them."""

    def __init__(self, folder: Path, public_url: str, origin: str, **shop: Any) -> None:
        self.clock = MovableClock()
        self.shop = origin
        self.folder = folder
        table = configuration(public_url=public_url, shop={"origins": [origin], **shop})
        self.settings = read_settings(write_configuration(folder, table))
        self.app = create_app(self.settings, self.clock)
        self.endpoint = self.settings.endpoint("demo")
        self.me = self.endpoint.removesuffix("/e") + "/me"

    def close(self) -> None:
        close(self.app)


class Shopper:
    """A visitor in a real browser, on one of the shop's pages."""

    def __init__(self, context: BrowserContext, site: Site) -> None:
        self.context = context
        self.site = site
        self.page: Page = context.new_page()
        self.page.goto(f"{site.shop}/")

    def send(self, **batch: Any) -> Response:
        """Post a batch as the tag does; the response as the network saw it, Set-Cookie included."""
        return self.ask("POST", self.site.endpoint, batch)

    def ask(self, method: str, url: str, body: Any = None) -> Response:
        """A request of the page's own, with its cookies."""
        script = """async ([method, url, body]) => {
            const answer = await fetch(url, {method, credentials: "include",
                body: body === null ? undefined : JSON.stringify(body)})
            return await answer.text()
        }"""
        with self.page.expect_response(lambda r: r.url == url and r.request.method == method) as found:
            self.page.evaluate(script, [method, url, body])
        return found.value

    def cookies(self) -> dict[str, Any]:
        """What the browser keeps, by name without its prefix."""
        return {
            cookie["name"].removeprefix("__Host-").removeprefix("__Secure-"): cookie
            for cookie in self.context.cookies()
        }

    def value(self, name: str) -> str:
        """The first part of a cookie's value, which is the id."""
        return str(self.cookies()[name]["value"]).partition(".")[0]


def set_cookies(response: Response) -> list[str]:
    """Names of the cookies that an answer sets or clears."""
    lines = [one["value"] for one in response.headers_array() if one["name"].lower() == "set-cookie"]
    return [line.partition("=")[0] for found in lines for line in found.split("\n")]


@contextmanager
def served(app: Any, certificate: tuple[str, str] | None = None) -> Iterator[int]:
    """An application on a port of its own, over https when there is a certificate."""
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=certificate, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Later:
    """Stands for an application that has to know its port before it is made."""

    def __init__(self) -> None:
        self.app: Any = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


@contextmanager
def two_hosts(folder: Path, **shop: Any) -> Iterator[Site]:
    """The gateway on a subdomain, the shop on another: https://gp.myshop.example, https://www.myshop.example."""
    gateway, files = Later(), certificate(folder)
    with served(gateway, files) as port, served(pages, files) as shop_port:
        public_url, origin = f"https://gp.myshop.example:{port}", f"https://www.myshop.example:{shop_port}"
        site = Site(folder, public_url, origin, **shop)
        gateway.app = site.app
        try:
            yield site
        finally:
            site.close()


@contextmanager
def one_host(folder: Path) -> Iterator[Site]:
    """The gateway below a path of the shop's own host, both behind nginx: https://www.myshop.example/gp."""
    if not Path(NGINX).exists():
        missing("nginx")
    gateway, files, port = Later(), certificate(folder), free_port()
    with served(gateway) as gateway_port, served(pages) as shop_port:
        site = Site(folder, f"https://www.myshop.example:{port}/gp", f"https://www.myshop.example:{port}")
        gateway.app = site.app
        try:
            with _nginx(folder, port, files, gateway_port, shop_port):
                yield site
        finally:
            site.close()


@contextmanager
def _nginx(folder: Path, port: int, files: tuple[str, str], gateway: int, shop: int) -> Iterator[None]:
    config = folder / "nginx.conf"
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config.write_text(
        f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
        events {{}}
        http {{
            access_log off; {temporary}
            server {{
                listen 127.0.0.1:{port} ssl;
                ssl_certificate {files[0]}; ssl_certificate_key {files[1]};
                location /gp/ {{
                    proxy_pass http://127.0.0.1:{gateway};
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                }}
                location / {{ proxy_pass http://127.0.0.1:{shop}; }}
            }}
        }}
        """
    )
    process = subprocess.Popen(
        [NGINX, "-c", str(config), "-p", str(folder)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        eventually(lambda: _listens(port, process, folder))
        yield
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, f"nginx ended: {(folder / 'nginx.log').read_text('utf-8')}"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


FLAGS = ("--host-resolver-rules=MAP *.example 127.0.0.1", "--ignore-certificate-errors")
"""For a browser that finds the test's hosts on this machine."""


def shopper_in(browser: Browser, site: Site) -> Shopper:
    """A visitor of their own, with a browser that nobody seems to automate."""
    context = browser.new_context(user_agent=CHROME, ignore_https_errors=True)
    context.set_default_timeout(10_000)
    return Shopper(context, site)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None: ...


@Request.application
def pages(request: Request) -> Answer:
    """The shop: any page, which shows the cookies that came with it."""
    return Answer(PAGE + request.headers.get("Cookie", "no cookie").encode(), mimetype="text/html")
