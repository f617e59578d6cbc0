"""SMART on FHIR scopes, version 2 (HL7, SMART App Launch 2.2, "Scopes for requesting FHIR resources"). Pure.

In: a scope's text. Out: what it covers, or None for what is no such scope. The first version's `.read`, `.write` and `.*` are understood.
Not offered, and so no scope: search parameters within a scope (`Observation.rs?category=...`).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

RESOURCES = ("Patient", "Device", "Observation", "DetectedIssue")
_FORM = re.compile(rf"(patient|user|system)/(\*|{'|'.join(RESOURCES)})\.(read|write|\*|(?=.)c?r?u?d?s?)\Z")
_FIRST_VERSION = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True)
class Scope:
    """`level`: patient, user or system. `resource`: a type, or `*`. `letters`: of create, read, update, delete, search."""

    level: str
    resource: str
    letters: frozenset[str]

    def covers(self, resource: str, letters: str) -> bool:
        """Whether all of these interactions with this type are within."""
        return self.resource in ("*", resource) and self.letters.issuperset(letters)


@lru_cache(maxsize=1024)
def parsed(text: str) -> Scope | None:
    """The scope in `text`."""
    found = _FORM.match(text)
    if found is None:
        return None
    return Scope(found[1], found[2], frozenset(_FIRST_VERSION.get(found[3], found[3])))
