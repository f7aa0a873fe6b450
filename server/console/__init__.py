"""The operator's pages, below /console/: see it work, find out why not, put it right.

    console.py      what pages are made from
    pages.py        all of them put together; the navigation; what went wrong
    door.py         signing in and out; nothing else is shown without
    session.py      the cookie that says who has signed in
    protection.py   the headers of every answer, and whose pages may change something
    assets.py       css, js, fonts
    words.py        numbers, times and JSON as people read them
    conditions.py   how a destination is, and what is to be done about it
    overview.py     a shop at a glance
    live.py         events as they come; finding one
    events.py       one event
    dead.py         what vendors finally refused, and another try for it
    install.py      the tag to paste, and whether it works
    trying.py       what would become of an event; examples.py to begin with
    privacy.py      who gets what; one visitor's consent, export and erasure

Pages are made on the server and need no script to be read; htmx brings what changes, uPlot draws charts.
"""

from server.console.console import Console
from server.console.pages import blueprint

__all__ = ["Console", "blueprint"]
