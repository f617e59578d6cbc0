"""The audit's chain: what an entry is, and how each one seals all before it. Pure.

digest(n) = SHA-256(digest(n-1) || canonical JSON of entry n), from the empty digest on. Whoever changes, drops or inserts an entry
changes every digest after it. Entries name patients by pseudonym only.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

EMPTY = b""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to whose data, and what came of it. `outcome`: done, denied or failed."""

    at: datetime
    actor: str
    role: str
    action: str
    resource: str
    outcome: str
    patient: str | None = None
    detail: dict[str, Any] = {}


class Link(msgspec.Struct, frozen=True):
    """An entry in its place."""

    n: int
    entry: Entry
    digest: bytes


def with_detail_as_text(entry: Entry) -> Entry:
    """`entry` with its detail as one text of JSON: PostgreSQL keeps a text that tells of a NUL, but no jsonb that holds one."""
    return msgspec.structs.replace(entry, detail={"text": msgspec.json.encode(entry.detail).decode()})


def canonical(n: int, entry: Entry) -> bytes:
    """The bytes that are sealed: sorted keys, UTC, microseconds."""
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    facts = {"n": n, "at": at} | {f: getattr(entry, f) for f in ("actor", "role", "action", "resource", "outcome", "patient", "detail")}
    return msgspec.json.encode(facts, order="deterministic")


def digest(previous: bytes, n: int, entry: Entry) -> bytes:
    """The seal of entry `n` after the one sealed `previous`."""
    return hashlib.sha256(previous + canonical(n, entry)).digest()


def chained(n: int, previous: bytes, entries: Iterable[Entry]) -> list[Link]:
    """The entries in their places after entry `n`."""
    links = []
    for entry in entries:
        n += 1
        previous = digest(previous, n, entry)
        links.append(Link(n, entry, previous))
    return links


def broken_at(n: int, previous: bytes, links: Iterable[Link]) -> int | None:
    """The number of the first entry that is not what was sealed after entry `n`; None when all are."""
    for link in links:
        if link.n != n + 1 or digest(previous, link.n, link.entry) != link.digest:
            return n + 1
        n, previous = link.n, link.digest
    return None
