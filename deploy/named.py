"""The servers that the environment names: each is spelled right and answers, before anything of ours is started.

In: the environment. Out: nothing, or a PartError that names the variable, what was expected and which address is silent. An address is
said without its user and password.
"""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from deploy.parts import running
from deploy.parts.errors import PartError
from vitals import settings

Place = tuple[str, int]


def check(environ: Mapping[str, str]) -> None:
    """Raises PartError for the first that is misspelled or silent."""
    for variable, (places, expected) in FORMS.items():
        if variable not in environ:
            continue
        try:
            found = places(environ[variable])
        except ValueError:
            raise PartError(f"{variable}: expected {expected}") from None  # the cause's text may hold a password
        if found and not any(running.accepts(*place) for place in found):
            raise PartError(f"{variable} names {', '.join(f'{host}:{port}' for host, port in found)}: nothing answers there")


def _kafka(text: str) -> Sequence[Place]:
    pairs = [one.strip().rpartition(":") for one in text.split(",")]
    if not all(host for host, _, _ in pairs):
        raise ValueError
    return [(host.strip("[]"), settings.port(port)) for host, _, port in pairs]


def _database(text: str) -> Sequence[Place]:
    url = urlsplit(text)
    if url.scheme not in ("postgresql", "postgres"):
        raise ValueError
    return [(url.hostname, url.port or 5432)] if url.hostname else []  # none: a socket of this machine, which only its library finds


def _broker(text: str) -> Sequence[Place]:
    named = settings.broker(text)
    return [(named.host, named.port)]


FORMS: Mapping[str, tuple[Callable[[str], Sequence[Place]], str]] = {
    "VIGIL_KAFKA": (_kafka, "host:port, several with commas between"),
    "VIGIL_DATABASE": (_database, "postgresql://user:password@host:port/database"),
    "VIGIL_MQTT": (_broker, "mqtt[s]://user:password@host:port"),
}
