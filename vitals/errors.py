"""Vigil's errors, as one tree: whose fault it was says what to do.

    VigilError
    ├── Theirs            what came in is wrong; refuse it by name, go on
    │   └── WireFormatError   bytes that are not of the wire's form
    ├── Ours              a defect or a wrong setting; say it and stop
    │   └── SettingError      an environment variable is missing or wrong
    └── World             a part is away; retry after a pause
        └── PartAway          Kafka, the database or the broker does not answer

Refusals of a device's samples are values (`vitals.refusal`), not exceptions.
"""


class VigilError(Exception):
    """The root: whatever Vigil raises on purpose."""


class Theirs(VigilError):
    """The input is wrong."""


class WireFormatError(Theirs):
    """Bytes that are not of the wire's form."""


class Ours(VigilError):
    """Vigil or its set-up is wrong."""


class SettingError(Ours):
    """A setting is missing or wrong; the message names it and what was expected."""


class World(VigilError):
    """Something outside is away: retryable."""


class PartAway(World):
    """A server that Vigil needs does not answer."""
