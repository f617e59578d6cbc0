"""Who may speak HL7: the addresses that a site names. Whoever is let in may speak for every device, so it is this machine alone by default.

In: a connection's address. Out: whether it may speak. The others are counted each time and logged once an address: a balancer's or a
scanner's connections come every few seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

LOOPBACK = "127.0.0.0/8,::1"
TOLD = 1_000

Networks = tuple[IPv4Network | IPv6Network, ...]


def networks(text: str) -> Networks:
    """Addresses and networks, comma-separated. Raises ValueError naming the first that is none."""
    found = []
    for word in text.split(","):
        try:
            found.append(ip_network(word.strip()))
        except ValueError as error:
            raise ValueError(f"{error}; expected addresses or networks, comma-separated, such as 10.1.2.3,10.4.0.0/16") from error
    return tuple(found)


def within(peers: Networks, peer: str) -> bool:
    """Whether an address is in one of the networks; a socket for both kinds says IPv4 addresses as mapped ones."""
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in peers)


@dataclass(slots=True)
class Gate:
    """Lets in who may speak. `turned_away` is called for each connection that is not."""

    peers: Networks
    turned_away: Callable[[], None]
    log: Callable[[str], None]
    _told: set[str] = field(default_factory=set)

    def admits(self, peer: str) -> bool:
        """Whether this address may speak."""
        if within(self.peers, peer):
            return True
        self.turned_away()
        if peer not in self._told and len(self._told) < TOLD:
            self._told.add(peer)
            self.log(f"event=mllp_turned_away peer={peer} error='not in VIGIL_MLLP_PEERS; further ones of it are only counted'")
        return False
