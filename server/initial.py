"""`gatepost init`: the first gatepost.toml."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from server.errors import GatepostError
from server.password import hashed, new_password

_TEMPLATE = """\
# Gatepost's configuration; README.md explains every key. Keep this file to yourself: it holds secrets.

# How browsers reach Gatepost: a subdomain of the shop ("https://gp.myshop.example"), or a path of the shop's
# own host ("https://www.myshop.example/gp"). http is for http://localhost alone.
public_url = "http://localhost:8000"

# The embedded database lives here, relative to this file.
data_dir = "var"

# They sign the cookies: the first signs, all verify. To rotate, put a new one in front and keep the old one
# for 390 days. "env:NAME" reads the environment, "file:PATH" a file.
secrets = ["{secret}"]

# Networks whose X-Forwarded-For is believed, such as your reverse proxy's: ["10.0.0.0/8"].
trusted_proxies = []

# Days that events are kept after they are settled.
retention_days = 7

# The console, at /console/, asks for a password; this is its hash. `gatepost password` prints a new line.
console_password = "{console_password}"

[shops.demo]
# Exact origins whose pages may send.
origins = ["http://localhost:8080"]

# "required": nothing is sent or stored before the visitor has consented. "not_required": unless declined.
consent = "required"

# For the shop's own server.
api_keys = ["{api_key}"]

# true: visitors are split evenly into A and B, for vendors that take a segment.
ab_segments = false

# How the tag reads the shop's pages; docs/tag.md explains every key.

# [shops.demo.tag]
# routes = "path"
# query = []
# data_layers = ["dataLayer"]
# item_id = "item_id"
# consent_tools = true
# structured_data = true
# attributes = true

# A vendor that is not named here receives nothing. Each takes `purpose`, the consent that it needs, and
# `base_url`: point it at `gatepost sandbox` to try it, for instance "http://127.0.0.1:9400/personaclick".

# [shops.demo.vendors.personaclick]
# shop_id = ""
# stream = "web"
# purpose = "personalization"

# [shops.demo.vendors.blueshift]
# api_key = ""
# batch = 30
# purpose = "marketing"

# [shops.demo.vendors.esputnik]
# api_key = ""
# purpose = "marketing"

# [shops.demo.vendors.alana]
# api_key = ""
# purpose = "personalization"

# [shops.demo.vendors.eightselect]
# api_id = ""
# purpose = "personalization"
"""


def write_configuration(file: Path) -> str:
    """Write the file with fresh secrets and mode 600; returns the console's password, which it does not hold.

    Raises GatepostError when it exists or cannot be written.
    """
    password = new_password()
    text = _TEMPLATE.format(
        secret=secrets.token_hex(32), api_key=secrets.token_hex(32), console_password=hashed(password)
    )
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise GatepostError(f"{file} exists and is left as it is; name another with --config") from None
    except OSError as error:
        raise GatepostError(f"{file} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    return password
