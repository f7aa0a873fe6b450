"""What Gatepost can carry on this machine: `python -m benchmarks`, or `make bench`.

    __main__.py       the command: prints what was measured, with --write into RESULTS.md
    collecting.py     POST /e against a bare Flask view on the same server, in turns
    relaying.py       events to vendors per second
    serving.py        `gatepost serve` as a whole: browser to vendor, memory, idle
    report.py         sections of numbers and targets; the machine

    traffic.py        what returning visitors' browsers send
    load.py           the load generator
    stub.py           a vendor that answers at once, and remembers when
    bare.py           the bare Flask view
    unthrottled.py    a relay whose vendors have no rate limit
    installation.py   a throw-away folder with a configuration; processes that end with it

These are measurements, not tests: nothing here passes or fails.
"""
