"""`python -m dashboard_api.http_main`: the HTTP API, FHIR and the page, in one process.

In: the environment (`HttpSettings`), SIGTERM and SIGINT. Out: answers on VIGIL_HTTP_PORT; records on `commands`, `patients`, `rules`;
device accounts in the broker. Promise: it starts without its database, Kafka or broker and answers 503 where one is needed; on a signal
it finishes the requests in hand, writes the audit out, and goes.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client import start_http_server

from dashboard_api import keys, openapi, paces, rehearsing, units
from dashboard_api.age_bands import AgeBands
from dashboard_api.assertions import Assertions
from dashboard_api.audit_log import AuditLog
from dashboard_api.commands import Commands
from dashboard_api.contexts import Contexts
from dashboard_api.device_certificates import Authority
from dashboard_api.fhir_door import FhirDoor
from dashboard_api.health import Health
from dashboard_api.http_app import application
from dashboard_api.identity import Accounts
from dashboard_api.kafka import Kafka
from dashboard_api.metrics import Metrics
from dashboard_api.mllp_door import MllpDoor
from dashboard_api.mqtt import DeviceAccounts
from dashboard_api.mqtt_watch import BrokerWatch
from dashboard_api.openid_provider import Client, Provider
from dashboard_api.policy import Role
from dashboard_api.rehearsing import Rehearsals
from dashboard_api.routes import ALL
from dashboard_api.rule_sets import RuleSets
from dashboard_api.second_factor import SecondFactor
from dashboard_api.site import Facts, Site, Throttles
from dashboard_api.throttle import Throttle
from dashboard_api.timescale import Database
from vitals import settings
from vitals.errors import SettingError
from vitals.settings import KEEP_ALIVE_S, Broker, Secret, setting
from vitals.topics import Topics

_PAGE = Path(__file__).parent / "web" / "dist"
_log = logging.getLogger("dashboard_api.http")


def _roles(text: str) -> frozenset[str]:
    """Roles, comma-separated."""
    found = frozenset(word.strip() for word in text.split(",") if word.strip())
    if found - set(Role):
        raise ValueError(f"expected some of {', '.join(Role)}, comma-separated")
    return found


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """What the process reads from its environment."""

    kafka: str = setting("VIGIL_KAFKA", str, "Kafka's bootstrap host:port")
    database: Secret = setting("VIGIL_DATABASE", Secret, "postgresql://user:password@host:port/name")
    broker: Broker = setting("VIGIL_MQTT_ADMIN", settings.broker, "the broker's account that manages device accounts")
    mqtt_ca: str = setting("VIGIL_MQTT_CA", str, "the CA file for mqtts", "")
    mqtt_public: str = setting("VIGIL_MQTT_PUBLIC", str, "host:port that devices are told", "127.0.0.1:1883")
    mqtt_certified: str = setting("VIGIL_MQTT_CERTIFIED", str, "host:port of the broker's listener for devices with certificates", "")
    device_ca: str = setting("VIGIL_DEVICE_CA", str, "the device authority's folder, none when empty", "")
    prefix: str = setting("VIGIL_TOPIC_PREFIX", str, "prefix of the topics", "vitals")
    bind: str = setting("VIGIL_BIND", str, "address to listen on", "127.0.0.1")
    port: int = setting("VIGIL_HTTP_PORT", settings.port, "port to listen on", "8080")
    metrics_port: str = setting("VIGIL_METRICS_PORT", str, "port of the metrics, none when empty", "")
    live_url: str = setting("VIGIL_LIVE_URL", str, "the live feed's address for the page", "")
    fhir_port: str = setting("VIGIL_FHIR_PORT", str, "port of the ingest's FHIR intake on 127.0.0.1, none when empty", "")
    mllp_port: str = setting("VIGIL_MLLP_PORT", str, "port of the ingest's HL7 door on VIGIL_BIND, none when empty", "")
    mllp_back_port: str = setting("VIGIL_MLLP_BACK_PORT", str, "its port on 127.0.0.1 for what is requeued; VIGIL_MLLP_PORT when empty", "")
    units: Mapping[str, str] = setting("VIGIL_UNITS", units.parse, "units that people see, comma-separated", "")
    alarms_later_s: float = setting("VIGIL_HOLD_BACK_S", settings.seconds_or_none, "seconds by which detection is later, 0 = none", "0")
    totp_required: frozenset[str] = setting("VIGIL_TOTP_REQUIRED", _roles, "roles that must have a second factor", "")
    oidc_issuer: str = setting("VIGIL_OIDC_ISSUER", str, "the OpenID provider's issuer address, none when empty", "")
    oidc_client: str = setting("VIGIL_OIDC_CLIENT_ID", str, "our client there", "vigil")
    oidc_secret: Secret = setting("VIGIL_OIDC_CLIENT_SECRET", Secret, "its secret, a public client when empty", "")
    oidc_redirect: str = setting("VIGIL_OIDC_REDIRECT", str, "the callback as the provider knows it; by the request when empty", "")
    oidc_roles: str = setting("VIGIL_OIDC_ROLES", str, "the claim that holds the role, dots lead inwards", "roles")
    oidc_wards: str = setting("VIGIL_OIDC_WARDS", str, "the claim that holds the wards", "wards")
    oidc_name: str = setting("VIGIL_OIDC_NAME", str, "what the log-in button calls the provider", "Single sign-on")
    key_file: Path = setting("VIGIL_KEY_FILE", Path, "the site's key: 32 random bytes in base64")


def _facts(read: HttpSettings) -> Facts:
    document = openapi.document(ALL)
    return Facts(read.live_url, read.mqtt_public, _PAGE, document, read.mqtt_certified, read.mqtt_ca, read.units, read.alarms_later_s)


def wired(read: HttpSettings, clock: Callable[[], datetime]) -> Site:
    """Every part of the process, connected to nothing yet."""
    try:
        site_keys = keys.parse(read.key_file.read_text())
    except OSError as error:
        raise SettingError(f"VIGIL_KEY_FILE={read.key_file}: {error.strerror}") from error
    topics, metrics = Topics(read.prefix), Metrics()
    database, kafka = Database(read.database), Kafka(read.kafka)
    audit, contexts = AuditLog(database), Contexts(database, kafka, topics, metrics)
    second = SecondFactor(database, site_keys.factor, clock, read.totp_required)
    return Site(
        facts=_facts(read),
        database=database,
        keys=site_keys,
        topics=topics,
        kafka=kafka,
        devices=DeviceAccounts(read.broker, read.mqtt_ca or None),
        certificates=Authority(Path(read.device_ca)) if read.device_ca else None,
        broker_watch=BrokerWatch(read.broker, f"vigil-watch-{socket.gethostname()}-{read.port}", audit, metrics, clock),
        accounts=Accounts(database, site_keys.token, clock, second),
        second=second,
        assertions=Assertions(database, clock),
        provider=Provider(_client(read)),
        audit=audit,
        contexts=contexts,
        age_bands=AgeBands(database, site_keys, contexts, clock),
        commands=Commands(database, kafka, topics),
        fhir_door=FhirDoor(f"http://127.0.0.1:{read.fhir_port}/" if read.fhir_port else None),
        mllp_door=_mllp_door(read),
        rehearsals=Rehearsals(database, clock, rehearsing.environment(os.environ, read.database)),
        rule_sets=RuleSets(database, kafka, topics, metrics),
        metrics=metrics,
        throttles=Throttles(**{name: Throttle(rate) for name, rate in paces.RATES.items()}),
        clock=clock,
        monotonic=time.monotonic,
    )


def _client(read: HttpSettings) -> Client:
    return Client(
        read.oidc_issuer, read.oidc_client, read.oidc_secret, read.oidc_redirect, read.oidc_roles, read.oidc_wards, read.oidc_name
    )


def _mllp_door(read: HttpSettings) -> MllpDoor:
    """What comes back has a port of its own where there is one: at the other only who is named is heard, and this machine need not be."""
    bind, port = ("127.0.0.1", read.mllp_back_port) if read.mllp_back_port else (read.bind, read.mllp_port)
    return MllpDoor(bind, settings.port(port) if port else None)


@contextlib.asynccontextmanager
async def running(site: Site) -> AsyncIterator[None]:
    """The site's connections and tasks; undone in reverse."""
    await site.database.open()
    await site.devices.start()
    site.broker_watch.start(site.facts.mqtt_ca or None)
    tasks = [
        _kept_alive(work)
        for work in (
            site.kafka.run, site.audit.run, site.contexts.run, site.commands.run, site.rule_sets.run, site.rehearsals.run,
            site.broker_watch.run, site.age_bands.run,
        )
    ]  # fmt: skip
    try:
        yield
    finally:
        await site.audit.drain()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await site.fhir_door.close()
        await site.provider.close()
        await site.kafka.close()
        await site.broker_watch.stop()
        await site.devices.stop()
        await site.database.close()


def _kept_alive(work: Callable[[], Coroutine[Any, Any, None]]) -> "asyncio.Task[None]":
    async def again() -> None:
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001  # a background task must not end in silence: it is logged and begun again
                _log.exception("event=task_failed task=%s", work.__qualname__)
                await asyncio.sleep(1.0)

    return asyncio.create_task(again())


class _Server(uvicorn.Server):
    """uvicorn's own handling would raise the signal again once it is done, before the audit is written out."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None are."""
        yield

    def end(self) -> None:
        """Finishes what is in hand."""
        self.should_exit = True


async def serve(read: HttpSettings) -> None:
    """Until a signal comes."""
    site = wired(read, lambda: datetime.now(UTC))
    config = uvicorn.Config(
        application(site),
        read.bind,
        read.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=KEEP_ALIVE_S,
        lifespan="off",
    )
    async with running(site):
        fresh = _kept_alive(Health(site).run)
        if read.metrics_port:
            start_http_server(settings.port(read.metrics_port), "127.0.0.1", site.metrics.registry)
        _log.info("event=listening port=%d", read.port)
        server = _Server(config)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.end)
        await server.serve()
        fresh.cancel()
    _log.info("event=stopped")


def main() -> int:
    """0 after a signal; 2 for a wrong setting."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every forwarded request
    try:
        read = settings.read(HttpSettings, os.environ)
        asyncio.run(serve(read))
    except SettingError as error:
        _log.error("event=wrong_setting %s", error)  # the message is all there is to say
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
