"""What a vendor said of a request, made fit to be a reason: one line, bounded, without our credentials."""

from __future__ import annotations

from server.vendors.base import Reply

LIMIT = 300
"""Characters of a vendor's explanation that are kept in a reason; the stored reply holds more."""


def said(reply: Reply, read: str = "", *secrets: str) -> str:
    """The vendor's explanation of a refusal; nothing when it accepted, since then there is none.

    `read` is what the adapter found in the vendor's own error format; without it the whole body speaks.
    `secrets` are blanked out, should the vendor repeat a credential.
    """
    if 200 <= reply.status < 300:
        return ""
    return one_line(read or reply.body.decode("utf-8", "replace"), *secrets)


def one_line(text: str, *secrets: str) -> str:
    """`text` on one line of at most `LIMIT` characters, with `secrets` blanked out."""
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    line = " ".join(text.split())
    return line if len(line) <= LIMIT else line[: LIMIT - 1] + "…"
