"""What can go wrong while parts are set up or started.

PartError             what failed, and how to mend it; shown to the person as it is
├── Missing           the machine lacks something that we may not install
├── PortTaken         another program listens there, or another of our own ports has the number
├── NotOurAddress     this machine does not have the address to listen on
├── Unusable          a folder or its disk cannot be used
└── NotReady          the server did not answer in time, or ended; carries its last log lines
"""


class PartError(Exception):
    """What failed, in words for the person at the terminal."""


class Missing(PartError):
    """The machine lacks something; the text says how to get it."""


class PortTaken(PartError):
    """The port cannot be had: in use by another program, or as `why` says."""

    def __init__(self, port: int, what: str, option: str = "", why: str = "is taken by another program") -> None:
        """Name the port, who wanted it, and the option that chooses another."""
        hint = f"; choose another with {option}" if option else ""
        super().__init__(f"port {port} ({what}) {why}{hint}")
        self.port = port


class NotOurAddress(PartError):
    """The address to listen on is none of this machine's."""


class Unusable(PartError):
    """A folder cannot be made or written; the text names it and why."""


class NotReady(PartError):
    """A server did not come up; the text ends with its last log lines."""
