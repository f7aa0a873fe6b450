"""What is kept: events, visitors, deliveries. One embedded database, several processes.

    database.py   opening it: durability, locking, one connection per thread
    schema.py     bringing it to this version's tables (tables.py, migrations/)
    intake.py     the web side: keep events, know visitors
    writer.py     the group commit behind it
    outbox.py     the relay side: what is to be delivered, and what became of it
    history.py    reading it all for people

What the store promises:

1. `Intake.keep` returns only when the events are on disk; otherwise it raises CannotKeep.
2. An event id of a shop is kept once, whatever is sent again, by however many processes.
3. `events.seq` grows in the order of commits: who reads on from the last one read misses nothing.
4. `Outbox.record` is one transaction: an outcome, its request and the position move together or not at all.
5. A crash of any process at any moment leaves a database that the next one opens and goes on with.
"""
