"""The relay on a real database against vendors that misbehave, at a time that only the test moves.

clock.py      the time
listener.py   a vendor's server that answers, or does not, as the test says
parrot.py     a vendor of the tests' own: repeats every event
stage.py      a database, a relay in a thread and what is seen from outside
"""
