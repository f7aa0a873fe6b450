"""The sandbox's page for people: the newest requests and how they were judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import urlencode

import msgspec

from server.sandbox.ledger import Entry

SHOWN = 200
"""Requests on the page."""
SHOWN_CHARACTERS = 4000
"""Of one body or answer."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6675; --line: #dde2e8; --paper: #fbfcfd;
  --good: #176b3a; --bad: #a3271d; --odd: #7a5300; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e7ec; --soft: #9aa5b4; --line: #333b46;
  --paper: #14181d; --good: #7fd0a0; --bad: #f2998f; --odd: #e3bd6b; } }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0; } h2 { font-size: 1rem; margin: 0; }
ul { margin: .2rem 0; padding-left: 1.2rem; }
p, nav { color: var(--soft); margin: .5rem 0; }
nav { display: flex; flex-wrap: wrap; gap: .2rem .8rem; }
a { color: inherit; } a[aria-current] { color: var(--ink); font-weight: 600; }
ol { list-style: none; margin: 1rem 0; padding: 0; border-top: 1px solid var(--line); }
ol > li { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: .5rem 0; overflow-wrap: anywhere; }
summary code { font-size: .9rem; } time, .n { color: var(--soft); font-variant-numeric: tabular-nums; }
.judgement { display: block; font-size: .9rem; }
.accepted { color: var(--good); } .refused { color: var(--bad); }
.fault, .waiting, .note { color: var(--odd); }
pre { margin: 0 0 .8rem; padding: .6rem; border: 1px solid var(--line); border-radius: 4px; overflow-x: auto;
  font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def page(
    entries: Sequence[Entry],
    vendors: Sequence[str],
    vendor: str | None,
    faults: Sequence[Mapping[str, Any]],
    let_go: int,
) -> str:
    """The page as HTML: the newest of `entries` first; `vendor` is the one chosen, None for all."""
    newest = list(reversed(entries[-SHOWN:]))
    count = f"{len(entries)} requests, the newest {len(newest)} shown" if entries else "Nothing came yet"
    gone = f"; {let_go} older ones were let go" if let_go else ""
    links = "".join(_link(name, vendor) for name in (None, *vendors))
    rows = "".join(_row(entry) for entry in newest)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Vendor sandbox</title><style>{_STYLE}</style></head><body>"
        f'<header><h1>Vendor sandbox</h1><nav aria-label="Vendors">{links}</nav></header><main>'
        f"<p>{count}{gone}. Reload to see newer ones.</p>{_faults(faults)}<ol>{rows}</ol>"
        "</main></body></html>"
    )


def _link(name: str | None, chosen: str | None) -> str:
    query = f"?{urlencode({'vendor': name})}" if name else ""
    current = ' aria-current="page"' if name == chosen else ""
    return f'<a href="/_sandbox/{query}"{current}>{escape(name or "all")}</a>'


def _faults(faults: Sequence[Mapping[str, Any]]) -> str:
    if not faults:
        return ""
    items = "".join(f"<li>{escape(_fault(fault))}</li>" for fault in faults)
    return f'<section class="fault"><h2>Faults in force</h2><ul>{items}</ul></section>'


def _fault(fault: Mapping[str, Any]) -> str:
    where = f"{fault['vendor']} {fault['path'] or ''}".rstrip()
    kinds = [
        f"{name.replace('_', ' ')} {fault[name]}"
        for name in ("status", "delay_ms", "retry_after")
        if fault[name]
    ]
    kinds += [name for name in ("reset", "drip", "garbage") if fault[name]]
    left = "until cleared" if fault["times"] is None else f"{fault['times']} times more"
    return f"{where}: {', '.join(kinds)}; {left}"


def _row(entry: Entry) -> str:
    outcome = entry.outcome
    kind = outcome.judgement.partition(":")[0]
    at = datetime.fromtimestamp(entry.at / 1000, UTC).isoformat(timespec="milliseconds")
    status = f" → {outcome.status}" if outcome.status is not None else ""
    notes = "".join(f'<span class="judgement note">{escape(note)}</span>' for note in outcome.notes)
    return (
        f'<li><details><summary><span class="n">{entry.n}</span> {escape(entry.vendor)} '
        f"<code>{escape(entry.method)} {escape(entry.path)}</code>{status} "
        f'<time datetime="{at}">{at[11:23]} UTC</time>'
        f'<span class="judgement {kind}">{escape(outcome.judgement)}</span>{notes}</summary>'
        f"<p>Request</p><pre>{escape(_pretty(bytes(entry.body)))}</pre>"
        f"<p>Answer</p><pre>{escape(_pretty(bytes(outcome.answer)))}</pre></details></li>"
    )


def _pretty(raw: bytes) -> str:
    text = msgspec.json.format(raw, indent=2).decode("utf-8", "replace")
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} …"
