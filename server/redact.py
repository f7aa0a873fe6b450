"""What is taken out of text before it is kept: what names a person, opens a door or pays.

E-mail addresses, signed tokens, long random tokens and payment card numbers become `[redacted]`. A finding is
replaced with whatever clings to it: what is lost is a word of a search, what would leak is a person. Encoded
text is looked at as it would be read: percent signs however often doubled, HTML's references, escapes of
JavaScript, full-width letters. An address is found in base64 and in hexadecimal as well, since mailing tools
write it so into links.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import unquote

REDACTED = "[redacted]"

MAX_LAYERS = 6
"""Encodings inside one another; what is wrapped deeper is no honest text and is taken out whole."""

# An address: something, an at sign, and a name that begins with a letter or has a dot before a letter. Only
# from the at sign on is it searched for, and what stands before is walked back to, so that no text, however
# long, is searched twice.
_AT = re.compile(r"(?:(?<=[^\s@])\s?@+|@@+)\s?(?:[^\W\d_]|\[|[^\s@.。]*[.。][^\s@]*[^\W\d_])")
_SPACE = re.compile(r"\s")

_RUN = re.compile(r"[A-Za-z0-9_\-+/=.~]{12,}")
_HEX = re.compile(r"(?<![A-Za-z0-9])(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9])[0-9a-fA-F]{32,}(?![A-Za-z0-9])")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_SIGNED = re.compile(r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""A JSON Web Token: its header is an object, and `{"` is eyJ in base64. RFC 7519."""
_KNOWN = re.compile(r"(?:wc_order_|whsec_|_secret_|(?:sk|rk|cs)_(?:live|test)_)[A-Za-z0-9]{6,}")
"""Keys of known forms: WooCommerce's orders, Stripe's payments."""
_JUMPS = re.compile(r"(?=[a-z][A-Z]|[A-Za-z][0-9]|[0-9][A-Za-z])")  # ahead, because they overlap

LONG = 40
"""Characters from which on a run may be a random token."""

MAX_CARD = 19
_DIGITS = re.compile(r"\d(?:[\s\-._/]?\d){13,}")
_CARD = re.compile(
    r"4\d{15}(?:\d{3})?|5[0-8]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[0689]\d{12}|35\d{14}|6\d{15,18}|8[12]\d{14}"
)
"""Issuers' first digits with the lengths they use; ISO/IEC 7812."""

PACKED_AT = r"(?:Q[A-P]|[EUk0][A-D]|[BFJNRVZdhlptx159]A)[A-Za-z0-9+/_-]{4}"
"""An at sign in base64, wherever in a group of three bytes it stands, and some more; see RFC 4648."""
_PACKED = re.compile(r"([A-Za-z0-9+/_-]{8,})=*")
HEXED_AT = r"40(?:[0-9a-fA-F]{2}){4}"
_HEXED = re.compile(r"(?:[0-9a-fA-F]{2}){6,}")
_PACKED_ADDRESS = re.compile(rb"[\w.+%-]@[A-Za-z0-9-]+\.[A-Za-z]{2,}")
"""In bytes of which some may be no text, because something else stood before the encoded address."""

_PERHAPS = re.compile(
    r"[@%&\uff00-\uffef\ufe60-\ufe6f]|[A-Za-z0-9_\-+/=.~]{40}|[0-9a-fA-F]{32}|eyJ"
    r"|(?:order|secret|live|test|whsec)_|\d(?:[\s\-._/]?\d){13}|\\[ux]"
    rf"|{PACKED_AT}|{HEXED_AT}"
)
"""Cheap to ask, and no where nothing can be found."""
_PACKED_PERHAPS = re.compile(rf"{PACKED_AT}|{HEXED_AT}")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")


def redact(text: str) -> str:
    """The text without addresses, tokens and card numbers; the same object where there are none."""
    return _without(text, _redact_plain) if len(text) > 5 and _PERHAPS.search(text) else text


def redact_addresses(text: str) -> str:
    """The text without e-mail addresses alone: for ids, which may look like tokens and are none."""
    return _without(text, _redact_addresses) if len(text) > 5 and _PERHAPS.search(text) else text


def _without(text: str, clean: Callable[[str], str]) -> str:
    """Clean a text as it stands; then, where something shows only when it is decoded, word by word."""
    found = clean(text)
    if not _hides(found, clean):
        return found
    words = [REDACTED if _hides(word, clean) else word for word in re.split(r"(\s+)", found)]
    found = "".join(words)
    return REDACTED if _hides(found, clean) else found


def _hides(text: str, clean: Callable[[str], str]) -> bool:
    read = as_read(text)
    return read is None or (read != text and clean(read) != read)


def as_read(text: str) -> str | None:
    """A text with its encodings taken off, one inside the other; None when there is no end of them."""
    for _ in range(MAX_LAYERS):
        further = text
        if "%" in further:
            # Any number of doublings at once: %252540 is %40 is @.
            further = unquote(re.sub(r"%(?:25)+(?=[0-9A-Fa-f]{2})", "%", further))
        if "&" in further:
            further = unescape(further)
        if "\\" in further:
            further = _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), further)
        if not further.isascii():
            further = unicodedata.normalize("NFKC", further)
        if further == text:
            return text
        text = further
    return None


def _redact_plain(text: str) -> str:
    text = _redact_addresses(text)
    text = _RUN.sub(lambda run: REDACTED if _is_token(run[0]) else run[0], text)
    return _DIGITS.sub(_redact_cards, text)


def _redact_addresses(text: str) -> str:
    if _PACKED_PERHAPS.search(text):
        text = _PACKED.sub(lambda run: REDACTED if _packs_address(run[1]) else run[0], text)
        text = _HEXED.sub(lambda run: REDACTED if _is_address(bytes.fromhex(run[0])) else run[0], text)
    return _redact_plain_addresses(text) if "@" in text else text


def _packs_address(run: str) -> bool:
    """Whether there is an address in base64 in a run of its letters, beginning at any of them."""
    run = run.replace("+", "-").replace("/", "_")
    for begin in range(4):
        packed = run[begin:]
        packed = packed[: len(packed) - (len(packed) % 4 == 1)]  # one letter alone holds no byte
        if _is_address(urlsafe_b64decode(packed + "=" * (-len(packed) % 4))):
            return True
    return False


def _is_address(unpacked: bytes) -> bool:
    """Whether decoded bytes hold an address."""
    if _PACKED_ADDRESS.search(unpacked):
        return True
    try:
        text = unpacked.decode()
    except UnicodeDecodeError:
        return False
    return text.isprintable() and (read := as_read(text)) is not None and bool(_AT.search(read))


def _redact_plain_addresses(text: str) -> str:
    pieces: list[str] = []
    end = 0
    for begin, after in _addresses(text):
        pieces += [text[end:begin], REDACTED]
        end = after
    return "".join([*pieces, text[end:]]) if pieces else text


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    """Where addresses begin and end, with what clings to them; in order."""
    seen = 0
    for match in _AT.finditer(text):
        begin = match.start()
        if begin < seen:
            continue
        if begin and text[begin - 1] == '"':  # "John Doe"@example.com
            begin = max(text.rfind('"', seen, begin - 1), seen)
        while begin > seen and not text[begin - 1].isspace():
            begin -= 1
        space = _SPACE.search(text, match.end())
        yield begin, (seen := space.start() if space else len(text))


def _is_token(run: str) -> bool:
    """Whether a run of letters, digits and signs was made by a machine to be unguessable.

    Words joined by signs, product codes and UUIDs are none: a word changes its kind of letter seldom, a token
    at every other character.
    """
    if _HEX.search(run) or _SIGNED.search(run) or _KNOWN.search(run):
        return True
    if len(run) < LONG:
        return False
    rest = _UUID.sub("", run)
    return len(rest) >= LONG and _jumps(rest) * 6 >= len(rest)


def is_random(text: str) -> bool:
    """Whether text reads as random even when it is short: letters and digits, capitals and small, mixed."""
    return _jumps(text) * 4 >= len(text)


def _jumps(text: str) -> int:
    """How often letters turn to digits, digits to letters, and small letters to capitals."""
    return len(_JUMPS.findall(text))


def _redact_cards(found: re.Match[str]) -> str:
    """A run of digits without the card numbers in it, each of which fills whole groups."""
    groups = re.split(r"(\D)", found[0])
    digits = groups[::2]
    for first in range(len(digits)):
        number = ""
        for last in range(first, len(digits)):
            number += digits[last]
            if len(number) > MAX_CARD:
                break
            if _CARD.fullmatch(number) and _luhn(number):
                return REDACTED
    return found[0]


def _luhn(number: str) -> bool:
    """The check digit of payment cards; ISO/IEC 7812-1, annex B."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in number[-1::-2])) % 10 == 0
