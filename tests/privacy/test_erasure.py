"""Erasing a visitor while everything runs: nothing of them is sent any more, and the counts still add up."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from server.consent import Consent
from server.event import Event, User
from server.rights import Subjects
from server.store.database import Database
from server.store.intake import Intake
from server.store.keeping import Arrival
from server.store.retention import Retention
from tests.gateway import GRANTED, HOUR, ITEM, NOW, Browser, event, gatepost
from tests.privacy.installation import Installation
from tests.world import eventually

STAYS = "stays@b.example"
GOES = "goes@b.example"


def shopper(installation: Installation, email: str, *ids: str) -> Browser:
    browser = installation.browser()
    browser.send(
        *(event("view_item", id, items=[ITEM]) for id in ids), consent=GRANTED, user={"email": email}
    )
    return browser


def told_blueshift(installation: Installation, email: str) -> list[dict[str, Any]]:
    """Every event that Blueshift was sent of this person, taken or not."""
    return [one for one in installation.bulk_events() if one.get("email") == email]


def rows_of(installation: Installation, visitor: str) -> dict[str, int]:
    """In how many rows of each table the visitor is named."""
    counted = {}
    for table in ("events", "visitors", "identities", "deliveries", "vendor_ids", "told", "consents"):
        ((counted[table],),) = installation.rows(f"SELECT count(*) FROM {table} WHERE visitor = ?", visitor)
    return counted


NOWHERE = dict.fromkeys(
    ("events", "visitors", "identities", "deliveries", "vendor_ids", "told", "consents"), 0
)


def test_the_answer_lists_which_vendors_had_been_told_and_by_what_name(installation: Installation) -> None:
    browser = shopper(installation, GOES, "a", "b")
    installation.until_settled("blueshift", 2)
    installation.until_settled("personaclick", 2)
    (introduction, *_) = installation.requests("personaclick")
    (first, *_) = told_blueshift(installation, GOES)
    answer = installation.me("DELETE", browser)
    told = {one["vendor"]: one for one in answer.body["told"]}
    assert {vendor: one["events"] for vendor, one in told.items()} == {"personaclick": 2, "blueshift": 2}
    assert told["blueshift"]["known_as"]["pseudonym"] == first["cookie"]
    assert told["personaclick"]["known_as"]["did"] == introduction["answer"]["did"]
    assert all(one["first"] <= one["last"] for one in told.values())


def test_the_export_tells_what_each_vendor_was_told_and_when(installation: Installation) -> None:
    browser = shopper(installation, GOES, "a")
    installation.until_settled("blueshift", 1)
    installation.until_settled("personaclick", 1)
    me = installation.me("GET", browser).body
    fates = {one["vendor"]: one for one in me["events"][0]["vendors"]}
    assert {vendor: one["state"] for vendor, one in fates.items()} == {
        "personaclick": "delivered",
        "blueshift": "delivered",
    }
    (sent,) = fates["blueshift"]["sent"]
    assert sent["messages"] == told_blueshift(installation, GOES)
    assert sent["at"].endswith("Z")
    assert fates["blueshift"]["allowed_because"].startswith("marketing was granted on 20")
    assert {one["vendor"] for one in me["told"]} == {"personaclick", "blueshift"}


def test_no_trace_is_left_in_any_file_of_the_database(installation: Installation) -> None:
    goes = shopper(installation, GOES, "a", "b")
    shopper(installation, STAYS, "c")
    installation.until_settled("blueshift", 3)
    installation.until_settled("personaclick", 3)
    assert GOES.encode() in files_of(installation)
    installation.me("DELETE", goes)
    assert GOES.encode() not in files_of(installation)
    assert STAYS.encode() in files_of(installation)


def test_a_trace_that_somebody_still_reads_goes_with_the_next_sweep(installation: Installation) -> None:
    goes = shopper(installation, GOES, "a")
    installation.until_settled("blueshift", 1)
    with closing(sqlite3.connect(installation.settings.data_dir / "gatepost.db")) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)
        assert installation.me("DELETE", goes).body["erased"]["events"] == 1
        assert GOES.encode() in files_of(installation)
        reader.rollback()
    database = Database(installation.settings.data_dir)
    for _ in Retention(database, installation.settings, installation.clock).sweep():
        assert database.path.exists()
    database.close()
    assert GOES.encode() not in files_of(installation)


def files_of(installation: Installation) -> bytes:
    """All that stands in the database's files: its log too, as whoever takes the disk would read them."""
    folder = installation.settings.data_dir
    return b"".join(file.read_bytes() for file in sorted(folder.glob("gatepost.db*")))


def test_what_waits_for_another_try_is_never_sent(installation: Installation) -> None:
    installation.fault("blueshift", status=503)
    browser = shopper(installation, GOES, "a")
    visitor = browser.visitor
    installation.until_settled("personaclick", 1)
    installation.until_tried("blueshift", 1)
    tried = len(told_blueshift(installation, GOES))

    assert installation.me("DELETE", browser).status == 200
    installation.mend("blueshift")
    installation.clock.move(HOUR)
    shopper(installation, STAYS, "b")
    eventually(lambda: told_blueshift(installation, STAYS))

    assert len(told_blueshift(installation, GOES)) == tried
    assert rows_of(installation, visitor) == NOWHERE
    installation.until_settled("blueshift", 1)
    counts = installation.counts("blueshift")
    assert (counts.received, counts.delivered, counts.not_wanted, counts.waiting) == (2, 1, {"erased": 1}, 0)


def test_what_a_relay_holds_in_memory_is_never_sent(installation: Installation) -> None:
    installation.fault("blueshift", status=401)
    held = shopper(installation, "probe@b.example", "probe")
    eventually(lambda: told_blueshift(installation, "probe@b.example"))
    eventually(lambda: installation.rows("SELECT 1 FROM destinations WHERE held_since IS NOT NULL"))
    goes = shopper(installation, GOES, "a", "b", "c")
    installation.until_settled("personaclick", 4)

    assert installation.me("DELETE", goes).status == 200
    assert installation.me("DELETE", held).status == 200
    installation.mend("blueshift")
    installation.clock.move(HOUR)
    shopper(installation, STAYS, "d")
    eventually(lambda: told_blueshift(installation, STAYS))

    assert told_blueshift(installation, GOES) == []
    eventually(lambda: installation.counts("blueshift").waiting == 0)
    counts = installation.counts("blueshift")
    assert (counts.received, counts.delivered, counts.not_wanted) == (5, 1, {"erased": 4})


def test_what_was_under_way_leaves_no_trace_when_its_answer_comes(installation: Installation) -> None:
    installation.fault("blueshift", delay_ms=1500, times=1)
    goes = shopper(installation, GOES, "a")
    visitor = goes.visitor
    eventually(lambda: told_blueshift(installation, GOES))
    assert installation.me("DELETE", goes).body["erased"]["events"] == 1
    shopper(installation, STAYS, "b")
    installation.until_settled("blueshift", 1)
    eventually(lambda: installation.requests("blueshift")[0]["status"] == 200)
    installation.until_settled("blueshift", 1)

    assert rows_of(installation, visitor) == NOWHERE
    kept = installation.rows("SELECT body FROM tellings")
    assert kept
    assert GOES.encode() not in b"".join(body for (body,) in kept)
    counts = installation.counts("blueshift")
    assert (counts.received, counts.delivered, counts.not_wanted, counts.waiting) == (2, 1, {"erased": 1}, 0)


def test_a_request_shared_with_others_stays_and_its_answer_goes(installation: Installation) -> None:
    shared = "SELECT id, events FROM requests WHERE path = '/api/v1/bulkevents' AND events > 1"
    pairs: list[tuple[str, Browser, Browser]] = []

    def two_at_once() -> bool:
        number = len(pairs) + 1
        email = f"goes-{number}@b.example"
        goes = shopper(installation, email, f"a{number}")
        pairs.append((email, goes, shopper(installation, STAYS, f"b{number}")))
        installation.until_settled("blueshift", 2 * number)
        return bool(installation.rows(shared))

    eventually(two_at_once)  # the first time, unless the machine is busy
    email, goes, stays = pairs[-1]
    ((request, _),) = installation.rows(shared)
    ((reply,),) = installation.rows("SELECT reply FROM requests WHERE id = ?", request)
    assert reply
    (before,) = (one for one in fates(installation, stays) if one["vendor"] == "blueshift")

    installation.me("DELETE", goes)
    (after,) = (one for one in fates(installation, stays) if one["vendor"] == "blueshift")
    assert after == before
    assert installation.rows("SELECT reply FROM requests WHERE id = ?", request) == [("",)]
    said = b"".join(body for (body,) in installation.rows("SELECT body FROM tellings"))
    assert email.encode() not in said
    orphans = "SELECT id FROM requests WHERE id NOT IN (SELECT request FROM tellings)"
    assert installation.rows(orphans) == []


def fates(installation: Installation, browser: Browser) -> list[dict[str, Any]]:
    """What became of the visitor's first event at each vendor."""
    return list(installation.me("GET", browser).body["events"][0]["vendors"])


def test_what_was_finally_refused_goes_too(installation: Installation) -> None:
    installation.fault("blueshift", status=400)
    goes = shopper(installation, GOES, "a")
    installation.until_settled("blueshift", 1)
    assert installation.counts("blueshift").dead == 1
    installation.me("DELETE", goes)
    counts = installation.counts("blueshift")
    assert (counts.received, counts.dead, counts.not_wanted, counts.waiting) == (1, 0, {"erased": 1}, 0)
    listed = gatepost("dead", "list", folder=installation.settings.file.parent)
    assert listed.stdout.strip() == "no dead letters"


def test_many_events_go_in_small_steps(installation: Installation) -> None:
    installation.fault("blueshift", status=503)
    browser = installation.browser()
    for _ in range(6):
        browser.send(*(event("view_item", items=[ITEM]) for _ in range(100)), consent=GRANTED)
    assert installation.me("DELETE", browser).body["erased"]["events"] == 600
    assert installation.rows("SELECT count(*) FROM events") == [(0,)]
    assert installation.rows("SELECT count(*) FROM tellings") == [(0,)]


# From the command line.


def run(installation: Installation, *arguments: str) -> tuple[int, str, str]:
    done = gatepost(*arguments, folder=installation.settings.file.parent)
    return done.returncode, done.stdout, done.stderr


def test_an_operator_exports_what_a_visitor_would_get(installation: Installation) -> None:
    browser = shopper(installation, GOES, "a")
    installation.until_settled("blueshift", 1)
    installation.until_settled("personaclick", 1)
    code, out, err = run(installation, "export", "--shop", "demo", "--visitor", browser.visitor)
    assert (code, err) == (0, "")
    assert json.loads(out) == installation.me("GET", browser).body


def test_an_operator_forgets_a_visitor_by_an_order(installation: Installation) -> None:
    browser = installation.browser()
    browser.send(event("purchase", transaction_id="o-1", items=[ITEM]), consent=GRANTED)
    visitor = browser.visitor
    installation.until_settled("blueshift", 1)
    code, out, err = run(installation, "forget", "--shop", "demo", "--order", "o-1")
    assert (code, err) == (0, "")
    assert f"visitor {visitor} is erased, with 1 event" in out
    assert "blueshift was told of 1 event between 20" in out
    assert rows_of(installation, visitor) == NOWHERE
    answer = browser.send(event("page_view"), consent=GRANTED)
    assert (answer.accepted, answer.reasons) == (0, ["consent"])
    code, _, err = run(installation, "forget", "--shop", "demo", "--visitor", visitor)
    assert code == 2
    assert f"visitor {visitor} of shop demo was erased on 20" in err


def test_an_operator_forgets_every_visitor_that_a_user_was(installation: Installation) -> None:
    phone, laptop = shopper(installation, GOES, "a"), shopper(installation, GOES, "b")
    signed_out = shopper(installation, GOES, "c")
    signed_out.send(event("page_view"), user=None)
    stays = shopper(installation, STAYS, "d")
    gone = {browser.visitor for browser in (phone, laptop, signed_out)}
    code, out, _ = run(installation, "export", "--shop", "demo", "--user", GOES)
    assert code == 0
    assert {json.loads(line)["visitor"] for line in out.splitlines()} == gone
    code, out, _ = run(installation, "forget", "--shop", "demo", "--user", GOES)
    assert code == 0
    assert all(f"visitor {visitor} is erased" in out for visitor in gone)
    assert {visitor for (visitor,) in installation.rows("SELECT DISTINCT visitor FROM events")} == {
        stays.visitor
    }


def test_a_person_is_found_by_an_email_address_in_whatever_case_and_by_an_id_in_its_own(
    installation: Installation,
) -> None:
    upper, lower = installation.browser(), installation.browser()
    upper.send(event("page_view"), consent=GRANTED, user={"email": "Goes@B.Example", "id": "C-7"})
    lower.send(event("page_view"), consent=GRANTED, user={"email": GOES, "id": "c-7"})
    code, out, _ = run(installation, "export", "--shop", "demo", "--user", "GOES@b.example")
    assert code == 0
    assert {json.loads(line)["visitor"] for line in out.splitlines()} == {upper.visitor, lower.visitor}
    code, out, _ = run(installation, "export", "--shop", "demo", "--user", "c-7")
    assert [json.loads(line)["visitor"] for line in out.splitlines()] == [lower.visitor]


def test_whoever_is_not_known_is_said_to_be_so(installation: Installation) -> None:
    for arguments, said in [
        (("--visitor", "nobody"), "nothing is kept in shop demo of visitor nobody"),
        (("--user", "c-99"), "nothing is kept in shop demo of user c-99"),
        (("--order", "o-99"), "nothing is kept in shop demo of order o-99"),
        ((), "exactly one of --visitor, --user and --order"),
        (("--user", "a", "--order", "b"), "exactly one of --visitor, --user and --order"),
    ]:
        for command in ("export", "forget"):
            code, out, err = run(installation, command, "--shop", "demo", *arguments)
            assert (code, out) == (2, "")
            assert said in err
            assert "Traceback" not in err
    code, _, err = run(installation, "forget", "--shop", "other", "--user", "a")
    assert code == 2
    assert "no such shop" in err


# What is on its way while somebody is erased.


def test_what_reaches_the_disk_after_its_visitor_was_erased_is_not_kept(tmp_path: Path) -> None:
    database = Database(tmp_path)
    intake = Intake(database)

    def arrival(visitor: str, id: str) -> Arrival:
        one = Event(id, "page_view", NOW, NOW, "demo", visitor, "s", {}, user=User(id="c-42"))
        return Arrival("demo", visitor, NOW, (one,), Consent({"own": "granted"}), User(id="c-42"), seen=NOW)

    assert intake.keep(arrival("goes", "a")) == [True]
    Subjects(database).erase("demo", "goes", NOW)
    assert intake.keep_all([arrival("goes", "b"), arrival("stays", "c")]) == [[False], [True]]
    rows = database.reader().execute("SELECT id, visitor FROM events").fetchall()
    assert rows == [("c", "stays")]
    assert database.reader().execute("SELECT visitor FROM visitors").fetchall() == [("stays",)]
    intake.close()
    database.close()
