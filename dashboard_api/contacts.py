"""How people are reached, checked when it is written: what a channel could never take is told now, not when somebody is called."""

from email.errors import MessageError
from email.headerregistry import Address

from dashboard_api.problems import Problem


def check_address(channel: str, address: str) -> None:
    """Raises Problem 422."""
    if not (address.isascii() and address.isprintable()):
        raise Problem(422, f"contacts: an address for {channel} is of printable ASCII characters")
    if channel == "smtp":
        try:
            whole = Address(addr_spec=address)
        except (MessageError, ValueError, IndexError, AttributeError) as error:  # what the parser raises of different nonsense
            raise Problem(422, "contacts: smtp expects one address, name@host") from error
        if not (whole.username and whole.domain):
            raise Problem(422, "contacts: smtp expects one address, name@host")
