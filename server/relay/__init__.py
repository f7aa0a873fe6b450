"""From the store to the vendors.

relay.py     every destination of every shop, side by side; writes down what became of each event
sender.py    one destination: send what may go, judge the answers
loading.py   what comes into its memory, and what of it goes into the next request
lanes.py     the events in memory, a lane per visitor
gate.py      whether it may be sent to now, and how fast
retry.py     when to try again
journal.py   what is to be written down, until it is on disk
"""
