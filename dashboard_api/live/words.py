"""What a reader says, checked: `auth` and `subscribe`; and whether the policy lets this caller hear it.

In: text from the network. Out: a typed request, or a `Refused` with the code that the reader is told. Promise: any bytes are one or the
other. A ward or patient that the caller may not see is refused in the same words as one that does not exist.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from dashboard_api import policy
from dashboard_api.live.audience import Strip, Subscription
from dashboard_api.policy import Caller, Right

MAX_WARDS = 256
MAX_PATIENTS = 2_000
MAX_WAVEFORMS = 32


class Auth(msgspec.Struct, frozen=True, tag_field="type", tag="auth"):
    """The bearer's token; again later to extend the connection's life."""

    token: str


class Subscribe(msgspec.Struct, frozen=True, tag_field="type", tag="subscribe"):
    """Replaces what the connection was subscribed to."""

    wards: list[str] = []
    patients: list[str] = []
    waveforms: list[Strip] = []
    resume: str | None = None

    def subscription(self) -> Subscription:
        """Its audience."""
        return Subscription(frozenset(self.wards), frozenset(self.patients))


@dataclass(frozen=True, slots=True)
class Refused:
    """Why not: a code for programs, words for people."""

    code: str
    message: str


_decoder = msgspec.json.Decoder(Auth | Subscribe)


def read(text: str | bytes) -> Auth | Subscribe | Refused:
    """The request in `text`."""
    try:
        said: Auth | Subscribe = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Refused("bad_message", f"expected an auth or subscribe message: {error}")
    if isinstance(said, Subscribe):
        sizes = (len(said.wards), MAX_WARDS), (len(said.patients), MAX_PATIENTS), (len(said.waveforms), MAX_WAVEFORMS)
        if any(size > most for size, most in sizes):
            return Refused("too_many", f"at most {MAX_WARDS} wards, {MAX_PATIENTS} patients, {MAX_WAVEFORMS} waveforms")
    return said


def may(caller: Caller, wanted: Subscribe, ward_of: Callable[[str], str | None]) -> Refused | None:
    """None when the caller may hear all of it. `ward_of`: where a patient is now, None when there is no such patient."""
    if not (policy.permits(caller, Right.VITALS_READ) and policy.permits(caller, Right.ALERTS_READ)):  # the feed tells both
        return Refused("forbidden", "this role reads no patients' data")
    wards = all(policy.sees_ward(caller, ward) for ward in wanted.wards)
    named = {*wanted.patients, *(strip.patient for strip in wanted.waveforms)}
    if not wards or not all(may_patient(caller, patient, ward_of(patient)) for patient in named):
        return Refused("not_found", "no such ward or patient, or not yours to see")
    return None


def may_patient(caller: Caller, patient: str, ward: str | None) -> bool:
    """Whether the caller may hear of this patient, who is in `ward` (None: not here)."""
    return ward is not None and policy.permits(caller, Right.VITALS_READ) and policy.sees(caller, patient, ward)
