"""Who the visitor is: identify and reset."""

from __future__ import annotations

from tests.tag.visit import Visit


def test_identify_names_the_visitor_on_this_batch_and_all_later_ones(visit: Visit) -> None:
    visit.open()
    visit.push(
        ["track", "before"],
        [
            "identify",
            {"id": "c-42", "email": "a@b.example", "phone": "380501234567", "first_name": "Ann", "vip": True},
        ],
    )
    visit.pass_time()
    user = {"id": "c-42", "email": "a@b.example", "phone": "380501234567"}
    first = visit.sent(1)[0]
    assert first.names == ["page_view", "before", "identify"]
    assert first.events[2]["params"] == {"first_name": "Ann", "vip": True}
    assert first.json["user"] == user
    visit.run("history.pushState(null, '', '/b')")
    visit.pass_time()
    assert visit.sent(2)[1].json["user"] == user


def test_identify_adds_to_what_is_known(visit: Visit) -> None:
    visit.open()
    visit.push(["identify", {"id": "c-42"}], ["identify", {"email": "a@b.example"}])
    visit.pass_time()
    assert visit.sent(1)[0].json["user"] == {"id": "c-42", "email": "a@b.example"}


def test_ids_given_as_numbers_travel_as_text_and_empty_ones_not_at_all(visit: Visit) -> None:
    visit.open()
    visit.push(["identify", {"id": 42, "email": "", "phone": None}])
    visit.pass_time()
    assert visit.sent(1)[0].json["user"] == {"id": "42"}


def test_a_guest_is_nobody(visit: Visit) -> None:
    visit.open()
    visit.push(["identify", {"id": 0, "email": {"not": "text"}, "newsletter": False}])
    visit.pass_time()
    batch = visit.sent(1)[0]
    assert "user" not in batch.json
    assert batch.events[1]["params"] == {"newsletter": False}


def test_another_id_is_another_person_who_inherits_nothing(visit: Visit) -> None:
    visit.open()
    visit.push(
        ["identify", {"id": "c-42", "email": "a@b.example"}],
        ["track", "by_ann"],
        ["identify", {"id": "c-43"}],
    )
    visit.pass_time()
    first, second = visit.sent(2)
    assert first.names == ["page_view", "identify", "by_ann"]
    assert first.json["user"] == {"id": "c-42", "email": "a@b.example"}
    assert second.names == ["identify"]
    assert second.json["user"] == {"id": "c-43"}


def test_reset_sends_what_waits_as_the_old_visitor_and_then_tells_the_logout(visit: Visit) -> None:
    visit.open()
    visit.push(["identify", {"id": "c-42"}], ["track", "by_ann"], ["reset"], ["track", "by_nobody"])
    visit.pass_time()
    first, second = visit.sent(2)
    assert first.names == ["page_view", "identify", "by_ann"]
    assert first.json["user"] == {"id": "c-42"}
    assert second.names == ["by_nobody"]
    assert "user" in second.json
    assert second.json["user"] is None
    visit.run("history.pushState(null, '', '/b')")
    visit.pass_time()
    assert visit.sent(3)[2].json["user"] is None


def test_a_logout_is_told_even_when_no_event_waits(visit: Visit) -> None:
    visit.open()
    visit.push(["identify", {"id": "c-42"}])
    visit.pass_time()
    visit.sent(1)
    visit.push(["reset"])
    visit.pass_time()
    logout = visit.sent(2)[1]
    assert logout.events == []
    assert logout.json["user"] is None


def test_a_logout_is_told_before_the_next_login(visit: Visit) -> None:
    visit.open()
    visit.push(["identify", {"email": "a@b.example"}], ["reset"], ["identify", {"id": "c-43"}])
    visit.pass_time()
    users = [batch.json["user"] for batch in visit.sent(3)]
    assert users == [{"email": "a@b.example"}, None, {"id": "c-43"}]
