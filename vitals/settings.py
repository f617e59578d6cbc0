"""Reading a process's settings from its environment into one frozen object.

A settings class is a frozen dataclass whose fields carry `setting(...)`: the variable, what it means, and the default. A wrong
variable is named with what was expected; a secret prints as ***. Nothing is read at import: `main` passes the mapping in.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from vitals.errors import SettingError

T = TypeVar("T")
KEEP_ALIVE_S = 75
"""How long our HTTP servers keep an idle connection: longer than whoever calls does (httpx 5 s, proxies 60 s). Were it the same, a
request could meet the closing of its connection, and nobody could say whether it was taken."""
_IN_AN_ADDRESS = re.compile(r"://[^/]*@")
"""The user and the password of a URL: not to be shown in an error."""


class Secret(str):
    """A string that does not print itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def setting(variable: str, parse: Callable[[str], Any], doc: str, default: str | None = None) -> Any:
    """A dataclass field read from `variable` by `parse` (which raises ValueError saying what was expected)."""
    return field(metadata={"variable": variable, "parse": parse, "doc": doc, "default": default})


def read(cls: type[T], environ: Mapping[str, str]) -> T:
    """The settings in `environ`. Raises SettingError naming the variable, its value and what was expected."""
    values: dict[str, Any] = {}
    for f in fields(cls):  # type: ignore[arg-type]  # cls is a dataclass by this function's contract
        variable, parse, default = f.metadata["variable"], f.metadata["parse"], f.metadata["default"]
        text = environ.get(variable, default)
        if text is None:
            raise SettingError(f"{variable} is not set: {f.metadata['doc']}")
        try:
            values[f.name] = parse(text)
        except ValueError as error:
            shown = "***" if parse is Secret else repr(_IN_AN_ADDRESS.sub("://***@", text))
            raise SettingError(f"{variable}={shown}: {error} ({f.metadata['doc']})") from error
    return cls(**values)


def positive_int(text: str) -> int:
    """A whole number above 0."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ValueError("expected a whole number above 0")
    return int(text)


def seconds(text: str) -> float:
    """Seconds above 0."""
    if not float(text) > 0:
        raise ValueError("expected seconds above 0")
    return float(text)


def seconds_or_none(text: str) -> float:
    """Seconds, or 0 for none."""
    return 0.0 if text in ("", "0") else seconds(text)


def port(text: str) -> int:
    """A TCP port, 1 to 65535."""
    number = positive_int(text)
    if number > 65535:
        raise ValueError("expected a port, 1 to 65535")
    return number


def flag(text: str) -> bool:
    """1/0, true/false, yes/no, on/off."""
    table = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False, "": False}
    if text.lower() not in table:
        raise ValueError("expected 1 or 0")
    return table[text.lower()]


@dataclass(frozen=True, slots=True)
class Broker:
    """An MQTT broker: `mqtt://user:password@host:port`, or `mqtts://` with the CA in VIGIL_MQTT_CA."""

    host: str
    port: int
    username: str
    password: Secret
    tls: bool


def broker(text: str) -> Broker:
    """Parses `mqtt[s]://[user:password@]host[:port]`."""
    url = urlsplit(text)
    if url.scheme not in ("mqtt", "mqtts") or not url.hostname:
        raise ValueError("expected mqtt[s]://[user:password@]host[:port]")
    tls = url.scheme == "mqtts"
    return Broker(url.hostname, url.port or (8883 if tls else 1883), unquote(url.username or ""), Secret(unquote(url.password or "")), tls)
