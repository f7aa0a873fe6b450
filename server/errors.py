"""Every error Gatepost raises on purpose.

GatepostError                what a person can mend: one sentence, no traceback
├── SettingsError            gatepost.toml is wrong: names the file, the key and the mend
├── BadRequest               a request that will never be right, with its HTTP status
│   └── InvalidEvent         one event of a batch, the others stand
└── CannotKeep               nothing could be written now: 503, try again
"""


class GatepostError(Exception):
    """Base of all; `str(error)` is a sentence fit for the person who can mend it."""


class SettingsError(GatepostError):
    """The configuration is refused."""


class BadRequest(GatepostError):
    """A request that sending again will not mend."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class InvalidEvent(BadRequest):
    """One event that cannot be taken; its text is `<field>: <what>`."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(f"{field}: {what}", 422)
        self.field = field
        self.what = what


class CannotKeep(GatepostError):
    """The event could not be made durable; the sender keeps it and tries again."""

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after
