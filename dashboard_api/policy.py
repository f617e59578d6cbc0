"""Who may do what: the one place that decides, and it denies unless a row here says otherwise. Pure.

In: a caller and a right, a ward or a patient. Out: yes or no, and the `Reach` that lists filter by. Two questions are asked in this
order: does the role have the right at all (no: 403, the same for every patient), and is this patient within the caller's reach (no:
404, the same as for a patient that does not exist). Roles are CONTRACT.md section 4: an admin registers and reads nothing clinical.
Notes are written by doctors and nurses, read by whoever cares for the patient and by the patient, whose copy of everything (`export`)
holds them anyway; no other system reads them.
A scope only ever takes away: what a token may is what its account may, as far as the token's own scopes name it. What an OpenID
provider claims of somebody becomes a role and wards here too, or nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from dashboard_api.scopes import parsed


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
    NOTES_READ = "notes.read"
    NOTES_WRITE = "notes.write"
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


_CARE = """me wards.read patients.read devices.read vitals.read limits.read explain notes.read alerts.read alerts.act rules.read
    oncall.read oncall.swap handover consents.read break_glass"""

RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        role: frozenset(Right(word) for word in words.split())
        for role, words in {
            Role.DOCTOR: _CARE + " limits.write notes.write patients.change rehearse export consents.write",
            Role.NURSE: _CARE + " limits.write notes.write",
            Role.ONCALL: _CARE,
            Role.PATIENT: "me patients.read vitals.read limits.read notes.read alerts.read export consents.read consents.write",
            Role.ADMIN: """me wards.read wards.write patients.read patients.register patients.change devices.read devices.write accounts
                rules.read rules.write rehearse oncall.read oncall.swap oncall.write refusals erase consents.read""",
            Role.AUDITOR: "me audit.read",
            Role.INTEGRATION: "me wards.read patients.read devices.read vitals.read alerts.read alerts.write observations.write",
        }.items()
    }
)
"""The most that a role may; an integration has of it what its scopes name."""

_RESOURCES: Mapping[Right, tuple[str, str]] = MappingProxyType(
    {
        Right.PATIENTS_READ: ("Patient", "rs"),
        Right.DEVICES_READ: ("Device", "rs"),
        Right.VITALS_READ: ("Observation", "rs"),
        Right.ALERTS_READ: ("DetectedIssue", "rs"),
        Right.OBSERVATIONS_WRITE: ("Observation", "c"),
    }
)
"""What a SMART scope must cover for a right: the resource and the interactions, where the endpoint does not name fewer."""
_LEVELS: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        "system": frozenset({Role.INTEGRATION}),
        "patient": frozenset({Role.PATIENT}),
        "user": frozenset(Role) - {Role.INTEGRATION},
    }
)
"""Who may hold a SMART scope of a level: `patient/` is only for somebody who is one, as no other launch context is offered."""
ENROLMENT = "second_factor.enrol"
"""The scope of a session that may only set a second factor up: it names no right."""
_BY_CLAIM = {name: role for role in Role if role not in (Role.PATIENT, Role.INTEGRATION) for name in (role.value, f"vigil-{role.value}")}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `patient`: themself (role patient). `broken_glass`: patients open to this caller for now. `limits`: the scopes of the
    token, None when it was not asked to be less than its account."""

    username: str
    role: Role
    all_wards: bool = False
    wards: frozenset[str] = frozenset()
    patient: str | None = None
    scopes: frozenset[str] = frozenset()
    broken_glass: frozenset[str] = frozenset()
    limits: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What a provider's claims make of somebody."""

    role: Role
    all_wards: bool
    wards: frozenset[str]


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
    return frozenset(right for right in RIGHTS[caller.role] if permits(caller, right))


def permits(caller: Caller, right: Right, interaction: str = "") -> bool:
    """Whether the caller's role (and scopes) have this right at all. `interaction`: the letters of SMART that an endpoint needs, all of the
    right's when empty."""
    if right not in RIGHTS[caller.role]:
        return False
    own = caller.scopes if caller.role is Role.INTEGRATION else None
    return right is Right.ME or all(_any(scopes, right, interaction) for scopes in (own, caller.limits) if scopes is not None)


def _any(scopes: Iterable[str], right: Right, interaction: str) -> bool:
    return any(_grants(scope, right, interaction) for scope in scopes)


def _grants(scope: str, right: Right, interaction: str) -> bool:
    smart = parsed(scope)
    if smart is None or right not in _RESOURCES:
        return scope == right.value
    resource, letters = _RESOURCES[right]
    return smart.covers(resource, interaction or letters)


def may_hold(role: Role, scope: str) -> bool:
    """Whether a token of this role may be limited to this scope: a right of its role, or a SMART scope of its level."""
    smart = parsed(scope)
    return role in _LEVELS[smart.level] if smart is not None else any(scope == right.value for right in RIGHTS[role])


def from_claims(roles: Any, wards: Any) -> Given | None:
    """The role and wards that a provider's claims name (texts, or lists of them; `vigil-doctor` is `doctor`; ward `*` is every ward). None
    unless they name exactly one role that a provider may give: patients and integrations are linked here by an admin."""
    found = {_BY_CLAIM[name] for name in _texts(roles) if name in _BY_CLAIM}
    if len(found) != 1:
        return None
    named = _texts(wards)
    return Given(found.pop(), "*" in named, named - {"*"})


def _texts(claim: Any) -> frozenset[str]:
    return frozenset(item for item in (claim if isinstance(claim, list) else [claim]) if isinstance(item, str))


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
