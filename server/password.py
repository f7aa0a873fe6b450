"""The console's password: made, hashed, checked. Only its hash is ever kept."""

from __future__ import annotations

import secrets

from werkzeug.security import check_password_hash, generate_password_hash

from server.errors import GatepostError

SHORTEST = 12
"""Characters."""
LONGEST = 200
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are taken for one another when they are read out or copied by hand."""


def new_password() -> str:
    """A password that nobody guesses: five groups of five characters, 123 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(5))


def hashed(password: str) -> str:
    """What `console_password` holds instead of the password.

    scrypt, with what werkzeug finds enough. Raises GatepostError when the password is no good one.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise GatepostError(f"the password must have {SHORTEST} to {LONGEST} characters")
    if len(set(password)) < 5:
        raise GatepostError("the password is too simple; use more different characters")
    return generate_password_hash(password)


def matches(kept: str, password: str) -> bool:
    """Whether this is the password that was hashed. Takes a tenth of a second, on purpose."""
    return len(password) <= LONGEST and check_password_hash(kept, password)
