"""A shopper's browser, as the tag behaves: it sends a batch again until it is answered."""

from __future__ import annotations

import random
import threading

import httpx

ORIGIN = {"Origin": "http://localhost:8080"}
CONSENT = {"personalization": "granted", "marketing": "granted"}


class Shopper:
    """Sends numbered views, one batch after the other, in a thread of its own.

    The item of each view has the view's own id, by which PersonaClick's stand-in shows what arrived.
    """

    def __init__(self, name: str, gateway: str, chance: random.Random) -> None:
        self.name = name
        self.answered: list[str] = []
        """The ids that were answered with 200, in order."""
        self.refusals = 0
        """Answers of 503: it could not be kept, and was sent again."""
        self.resent = 0
        """Batches that had to be sent again because no answer came."""
        self.wrong: list[str] = []
        """Answers that there must never be."""
        self._client = httpx.Client(base_url=gateway, headers=ORIGIN, timeout=10, trust_env=False)
        self._chance = chance
        self._number = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)

    def introduce(self) -> None:
        """The first batch, which brings the consent and the cookies."""
        self._send(1, consent=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Have what was begun answered, then end."""
        self._ends.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._client.close()

    def _run(self) -> None:
        while not self._ends.wait(self._chance.uniform(0.01, 0.15)):
            self._send(self._chance.randrange(1, 4))

    def _send(self, count: int, consent: bool = False) -> None:
        ids = [f"{self.name}-{self._number + n:05}" for n in range(count)]
        self._number += count
        events = [{"id": id, "name": "view_item", "params": {"items": [{"item_id": id}]}} for id in ids]
        batch = {"events": events} | ({"consent": CONSENT} if consent else {})
        while not self._sent(batch, ids):
            threading.Event().wait(0.25)
        self.answered += ids

    def _sent(self, batch: dict[str, object], ids: list[str]) -> bool:
        try:
            answer = self._client.post("/gp/demo/e", json=batch)
        except httpx.HTTPError:
            self.resent += 1
            return False
        if answer.status_code == 503:
            self.refusals += 1
            return False
        told = answer.json() if answer.status_code == 200 else {}
        repeated = [ids[one["index"]] for one in told.get("dropped", []) if one["reason"] == "duplicate"]
        if answer.status_code != 200 or told["accepted"] + len(repeated) != len(ids):
            self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
        return True
