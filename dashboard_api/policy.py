"""Who may do what: the one place that decides, and it denies unless a row here says otherwise. Pure.

In: a caller and a right, a ward or a patient. Out: yes or no, and the `Reach` that lists filter by. Two questions are asked in this
order: does the role have the right at all (no: 403, the same for every patient), and is this patient within the caller's reach (no:
404, the same as for a patient that does not exist). Roles are CONTRACT.md section 4: an admin registers and reads nothing clinical.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """CONTRACT.md section 4."""

    DOCTOR = "doctor"
    NURSE = "nurse"
    PATIENT = "patient"
    ONCALL = "oncall"
    ADMIN = "admin"
    AUDITOR = "auditor"
    INTEGRATION = "integration"


class Right(StrEnum):
    """What an endpoint asks for. The value is what `/me` lists and what an integration's scopes name."""

    ME = "me"
    WARDS_READ = "wards.read"
    WARDS_WRITE = "wards.write"
    PATIENTS_READ = "patients.read"
    PATIENTS_REGISTER = "patients.register"
    PATIENTS_CHANGE = "patients.change"
    DEVICES_READ = "devices.read"
    DEVICES_WRITE = "devices.write"
    ACCOUNTS = "accounts"
    VITALS_READ = "vitals.read"
    LIMITS_READ = "limits.read"
    LIMITS_WRITE = "limits.write"
    EXPLAIN = "explain"
    ALERTS_READ = "alerts.read"
    ALERTS_ACT = "alerts.act"
    ALERTS_WRITE = "alerts.write"
    RULES_READ = "rules.read"
    RULES_WRITE = "rules.write"
    REHEARSE = "rehearse"
    ONCALL_READ = "oncall.read"
    ONCALL_SWAP = "oncall.swap"
    ONCALL_WRITE = "oncall.write"
    HANDOVER = "handover"
    REFUSALS = "refusals"
    AUDIT_READ = "audit.read"
    EXPORT = "export"
    ERASE = "erase"
    CONSENTS_READ = "consents.read"
    CONSENTS_WRITE = "consents.write"
    BREAK_GLASS = "break_glass"
    OBSERVATIONS_WRITE = "observations.write"


_CARE = """me wards.read patients.read devices.read vitals.read limits.read explain alerts.read alerts.act rules.read
    oncall.read oncall.swap handover consents.read break_glass"""

RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        role: frozenset(Right(word) for word in words.split())
        for role, words in {
            Role.DOCTOR: _CARE + " limits.write patients.change rehearse export consents.write",
            Role.NURSE: _CARE + " limits.write",
            Role.ONCALL: _CARE,
            Role.PATIENT: "me patients.read vitals.read limits.read alerts.read export consents.read consents.write",
            Role.ADMIN: """me wards.read wards.write patients.read patients.register patients.change devices.read devices.write accounts
                rules.read rules.write rehearse oncall.read oncall.swap oncall.write refusals erase consents.read""",
            Role.AUDITOR: "me audit.read",
            Role.INTEGRATION: "me wards.read patients.read devices.read vitals.read alerts.read alerts.write observations.write",
        }.items()
    }
)
"""The most that a role may; an integration has of it what its scopes name."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `patient`: themself (role patient). `broken_glass`: patients open to this caller for now."""

    username: str
    role: Role
    all_wards: bool = False
    wards: frozenset[str] = frozenset()
    patient: str | None = None
    scopes: frozenset[str] = frozenset()
    broken_glass: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reach:
    """Which patients a list may hold: all, else those in `wards`, and those in `patients`."""

    everyone: bool = False
    wards: frozenset[str] = frozenset()
    patients: frozenset[str] = frozenset()

    def covers(self, patient: str, ward: str) -> bool:
        """Whether this patient, who is in that ward, is within."""
        return self.everyone or ward in self.wards or patient in self.patients


def rights(caller: Caller) -> frozenset[Right]:
    """All that this caller may do, to some patient at least."""
    most = RIGHTS[caller.role]
    if caller.role is not Role.INTEGRATION:
        return most
    return frozenset(right for right in most if right is Right.ME or right.value in caller.scopes)


def permits(caller: Caller, right: Right) -> bool:
    """Whether the caller's role (and scopes) have this right at all."""
    return right in rights(caller)


def reach(caller: Caller) -> Reach:
    """The patients that this caller may know of."""
    match caller.role:
        case Role.ADMIN:
            return Reach(everyone=True)
        case Role.PATIENT:
            return Reach(patients=frozenset({caller.patient} if caller.patient else ()))
        case Role.AUDITOR:
            return Reach()
        case _:
            return Reach(caller.all_wards, caller.wards, caller.broken_glass)


def sees(caller: Caller, patient: str, ward: str) -> bool:
    """Whether this caller may know that this patient, who is in that ward, exists."""
    return reach(caller).covers(patient, ward)


def sees_ward(caller: Caller, ward: str) -> bool:
    """Whether a ward as a whole (its list, its feed) is open to the caller."""
    return caller.role is Role.ADMIN or (caller.role not in (Role.PATIENT, Role.AUDITOR) and (caller.all_wards or ward in caller.wards))
