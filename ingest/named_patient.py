"""An HL7 message names another patient than the one that its device is on: a question to the ward, and nothing is stored otherwise.

In: samples with the record numbers beside them, the directory, which knows those numbers by their digests. Out: findings
`device.other_patient`, technical, subject the device. Whose reading it is follows from the device's assignment, always: of the two one is
wrong, and who is to say which stands at the bed. So what is said is watched for whom the device is on, and somebody is asked at once.
The question ends when a message names the patient again, or the device is on another one, or on nobody.
Promise: a number that Vigil does not know says nothing; no number is kept, told or logged; a sender that names the patient of before for
GRACE_MS after a device moved asks nothing, for it learns of it later. What is history (of whom the device is not on now) asks nothing.
Several doors ask each by itself, and each ends what any of them asked.
"""

from collections.abc import Iterable

import msgspec

from ingest.conditions import OTHER_PATIENT, Ends, Told, finding, standing_of
from ingest.directory import Directory
from ingest.spoken import Spoken
from vitals.finding import Finding, finding_id
from vitals.site_key import record_digest

GRACE_MS = 120_000
FLAP_MS = 600_000
"""Asked again within it, a question is over only when no other patient was named for GRACE_MS."""


class NamedPatients:
    """What one door asked. `key`: of the digests of record numbers; None: nothing is asked. Not thread-safe."""

    def __init__(self, key: bytes | None) -> None:
        self._key = key
        self._directory: Directory | None = None
        self._asked: dict[str, dict[str, Told]] = {}
        self._ends = Ends()
        self._other: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._told: list[Finding] = []

    def heard(self, samples: Iterable[Spoken], directory: Directory, now: int) -> None:
        """Takes in what was said; `now`: ms."""
        for spoken in samples:
            owner = self._owner(spoken, directory, now)
            whom = self._whom(spoken, directory) if owner is not None else set[str]()
            if owner in whom and not self._flaps(spoken.device, now):
                for one in list(self._asked.get(spoken.device, {}).values()):
                    self._over(one, directory, now)
            elif owner is not None and whom and owner not in whom:
                self._other[spoken.device] = now
                if spoken.device not in self._asked:
                    self._ask(spoken.device, owner, sorted(whom), directory, now)

    def told(self, directory: Directory, now: int) -> list[Finding]:
        """What began and what is over since the last look."""
        if directory is not self._directory:
            self._directory = directory
            for one in standing_of(directory, OTHER_PATIENT):
                if not self._ends.lately(one, now):
                    self._asked.setdefault(one.device, {})[one.id] = one
            for one in [one for ones in self._asked.values() for one in ones.values()]:
                if directory.patient_of(one.device, now) != one.patient:
                    self._over(one, directory, now)
        found, self._told = self._told, []
        return found

    def _flaps(self, device: str, now: int) -> bool:
        """Whether it was asked about and over lately, and named another patient just now: two names in turns are one question."""
        lately = now - self._ended.get(device, now - FLAP_MS) < FLAP_MS
        return lately and now - self._other.get(device, now - GRACE_MS) < GRACE_MS

    @staticmethod
    def _owner(spoken: Spoken, directory: Directory, now: int) -> str | None:
        """Whom the device was on and is on still; None where there is nothing to compare."""
        if not spoken.named or isinstance(spoken.observed_at, str) or spoken.device not in directory.number:
            return None
        then = directory.patient_of(spoken.device, directory.true_time(spoken.device, spoken.observed_at, now)[0])
        return then if then == directory.patient_of(spoken.device, now) else None

    def _whom(self, spoken: Spoken, directory: Directory) -> set[str]:
        """The patients whose numbers these are."""
        digests = [record_digest(self._key, number) for number in spoken.named] if self._key is not None else []
        return {directory.records[digest] for digest in digests if digest in directory.records}

    def _ask(self, device: str, owner: str, named: list[str], directory: Directory, now: int) -> None:
        if now - (directory.since(device, now) or 0) < GRACE_MS:
            return
        one = Told(finding_id(owner, OTHER_PATIENT, device, now), device, owner, now)
        self._asked[device] = {one.id: one}
        self._told.append(_question(one, None, {"device": device, "named": named}, directory, now))

    def _over(self, one: Told, directory: Directory, now: int) -> None:
        asked = self._asked[one.device]
        del asked[one.id]
        if not asked:
            del self._asked[one.device]
        self._ends.note([one], now)
        self._ended[one.device] = now
        self._told.append(_question(one, now, {"device": one.device}, directory, now))


def _question(one: Told, ended: int | None, evidence: dict[str, object], directory: Directory, now: int) -> Finding:
    title = f"HL7 messages of {one.device} name another patient: is it on the right one?"
    made = finding(OTHER_PATIENT, one, ended, title, evidence, directory, now)
    return msgspec.structs.replace(made, priority="medium")
