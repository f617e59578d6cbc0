"""What the endpoints work with: one object made by `http_main`, handed to every call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dashboard_api.age_bands import AgeBands
from dashboard_api.assertions import Assertions
from dashboard_api.audit_log import AuditLog
from dashboard_api.commands import Commands
from dashboard_api.contexts import Contexts
from dashboard_api.device_certificates import Authority
from dashboard_api.fhir_door import FhirDoor
from dashboard_api.identity import Accounts
from dashboard_api.kafka import Kafka
from dashboard_api.keys import SiteKeys
from dashboard_api.metrics import Metrics
from dashboard_api.mllp_door import MllpDoor
from dashboard_api.mqtt import DeviceAccounts
from dashboard_api.mqtt_watch import BrokerWatch
from dashboard_api.openid_provider import Provider
from dashboard_api.rehearsing import Rehearsals
from dashboard_api.rule_sets import RuleSets
from dashboard_api.second_factor import SecondFactor
from dashboard_api.throttle import Throttle
from dashboard_api.timescale import Database
from dashboard_api.units import CANONICAL
from vitals.topics import Topics


@dataclass(frozen=True, slots=True)
class Facts:
    """What the site says of itself: the live feed's address for the page, the broker's for devices, the built page.

    `mqtt_certified`: the broker's listener for devices with certificates; `mqtt_ca`: the file of the CA that signed the broker's own;
    `units`: what people see values in; `alarms_later_s`: how much later than those detection is, because the site wants it so.
    """

    live_url: str
    mqtt_public: str
    page: Path
    openapi: dict[str, Any]
    mqtt_certified: str = ""
    mqtt_ca: str = ""
    units: Mapping[str, str] = field(default_factory=lambda: CANONICAL)
    alarms_later_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Throttles:
    """`stranger`: an address's requests without a valid token; `address`: its log-ins; `login`: its log-ins with one name; `caller`: the
    requests of one account."""

    stranger: Throttle
    address: Throttle
    login: Throttle
    caller: Throttle


@dataclass(frozen=True, slots=True)
class Site:
    """The wiring."""

    facts: Facts
    database: Database
    keys: SiteKeys
    topics: Topics
    kafka: Kafka
    devices: DeviceAccounts
    certificates: Authority | None
    broker_watch: BrokerWatch
    accounts: Accounts
    second: SecondFactor
    assertions: Assertions
    provider: Provider
    audit: AuditLog
    contexts: Contexts
    age_bands: AgeBands
    commands: Commands
    rule_sets: RuleSets
    fhir_door: FhirDoor
    mllp_door: MllpDoor
    rehearsals: Rehearsals
    metrics: Metrics
    throttles: Throttles
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
