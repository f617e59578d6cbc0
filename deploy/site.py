"""The servers that one Vigil stands on: those named in the environment, and jobs for the rest.

Out: `Site`, the addresses that every process's environment is made from, and the `Job`s that bring up what is ours.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from deploy.choices import Choices
from deploy.home import Home
from deploy.parts import kafka, mosquitto, postgres
from deploy.parts.mosquitto import Ports
from deploy.parts.prefix import Say
from deploy.processes import PARTS_STAGE
from deploy.renewal import Certificates
from deploy.supervisor import Job
from vitals import settings

DATABASE = "vigil"


@dataclass(slots=True)
class Site:
    """Addresses; filled while the parts are prepared. `own_database` is the administrating address of one that is ours; `certificates`:
    those of a broker that is ours, to be looked after."""

    kafka: str = ""
    database: str = ""
    mqtt: str = ""
    mqtt_admin: str = ""
    mqtt_host: str = ""
    mqtt_port: int = 0
    mqtt_public: str = ""
    mqtt_tls_port: int | None = None
    mqtt_mtls_port: int | None = None
    mqtt_certified: str = ""
    mqtt_devices: Path | None = None
    mqtt_ca: Path | None = None
    own_database: str = ""
    certificates: Certificates | None = None
    jobs: list[Job] = field(default_factory=list)


def plan(home: Home, choices: Choices, ports: Mapping[str, int], environ: Mapping[str, str], say: Say) -> Site:
    """The site's addresses and the jobs for the parts that are not named in `environ`."""
    site = Site()
    _plan_mosquitto(site, home, choices, ports, environ, say)
    _plan_database(site, home, ports, environ, say)
    _plan_kafka(site, home, ports, environ, say)
    return site


def _plan_mosquitto(site: Site, home: Home, choices: Choices, ports: Mapping[str, int], environ: Mapping[str, str], say: Say) -> None:
    if "VIGIL_MQTT" in environ:
        _use_named_broker(site, environ)
        return
    at = Ports(ports["mqtt"], ports["mqtt_tls"], choices.bind, ports["mqtt_mtls"], choices.mqtt_plain)
    folder = home.path / "mosquitto"
    _, broker = mosquitto.prepare(folder, at, datetime.now(UTC), say, home.logs)
    site.mqtt, site.mqtt_admin = broker.url("gateway"), broker.url("admin")
    site.mqtt_host, site.mqtt_port, site.mqtt_tls_port, site.mqtt_ca = broker.host, broker.port, broker.tls_port, broker.ca_file
    site.mqtt_public = environ.get("VIGIL_MQTT_PUBLIC", at.public)
    site.mqtt_mtls_port, site.mqtt_devices = broker.mtls_port, broker.devices
    site.mqtt_certified = f"{site.mqtt_public.rpartition(':')[0]}:{broker.mtls_port}"
    site.certificates = Certificates(folder / "tls", mosquitto.hosts(at), home.run)
    site.jobs.append(
        Job(
            "mosquitto",
            PARTS_STAGE,
            lambda: mosquitto.prepare(folder, at, datetime.now(UTC), say, home.logs)[0],
            lambda: mosquitto.is_ready(at),
            f"{broker.host}:{broker.port}",
        )
    )


def _use_named_broker(site: Site, environ: Mapping[str, str]) -> None:
    """One account does for both where VIGIL_MQTT_ADMIN names none: it must then have the rights of both (docs/operations.md)."""
    named = settings.broker(environ["VIGIL_MQTT"])
    public = site.mqtt_public = environ.get("VIGIL_MQTT_PUBLIC", f"{named.host}:{named.port}")
    site.mqtt, site.mqtt_admin = environ["VIGIL_MQTT"], environ.get("VIGIL_MQTT_ADMIN") or environ["VIGIL_MQTT"]
    site.mqtt_host, _, port = public.rpartition(":")
    site.mqtt_port = int(port)
    ca, tls_port = environ.get("VIGIL_MQTT_CA"), environ.get("VIGIL_MQTT_TLS_PORT")
    site.mqtt_ca, site.mqtt_tls_port = Path(ca) if ca else None, int(tls_port) if tls_port else None
    devices, site.mqtt_certified = environ.get("VIGIL_DEVICE_CA"), environ.get("VIGIL_MQTT_CERTIFIED", "")
    site.mqtt_devices = Path(devices) if devices else None


def _plan_database(site: Site, home: Home, ports: Mapping[str, int], environ: Mapping[str, str], say: Say) -> None:
    if "VIGIL_DATABASE" in environ:
        site.database = environ["VIGIL_DATABASE"]
        return
    port, password, folder = ports["database"], home.database_password(), home.path / "postgres"
    site.database = postgres.url(port, password, DATABASE)
    site.own_database = postgres.url(port, password)
    site.jobs.append(
        Job(
            "postgres",
            PARTS_STAGE + 1,
            lambda: postgres.prepare(folder, port, password, say, home.logs),
            lambda: postgres.is_ready(site.own_database),
            f"127.0.0.1:{port}",
        )
    )


def _plan_kafka(site: Site, home: Home, ports: Mapping[str, int], environ: Mapping[str, str], say: Say) -> None:
    if "VIGIL_KAFKA" in environ:
        site.kafka = environ["VIGIL_KAFKA"]
        return
    port, folder = ports["kafka"], home.path / "kafka"
    site.kafka = f"127.0.0.1:{port}"
    site.jobs.append(
        Job(
            "kafka",
            PARTS_STAGE + 2,
            lambda: kafka.prepare(folder, port, say, home.logs),
            lambda: kafka.is_ready(site.kafka),
            site.kafka,
        )
    )


def environment(site: Site, home: Home, choices: Choices, ports: Mapping[str, int]) -> dict[str, str]:
    """What every service's environment says of the site (ARCHITECTURE.md, Environment)."""
    host = choices.host
    return {
        "VIGIL_KAFKA": site.kafka,
        "VIGIL_DATABASE": site.database,
        "VIGIL_MQTT": site.mqtt,
        "VIGIL_MQTT_ADMIN": site.mqtt_admin,
        "VIGIL_MQTT_CA": str(site.mqtt_ca or ""),
        "VIGIL_MQTT_PUBLIC": site.mqtt_public,
        "VIGIL_MQTT_CERTIFIED": site.mqtt_certified,
        "VIGIL_DEVICE_CA": str(site.mqtt_devices or ""),
        "VIGIL_BIND": choices.bind,
        "VIGIL_HTTP_PORT": str(ports["http"]),
        "VIGIL_LIVE_PORT": str(ports["live"]),
        "VIGIL_MLLP_PORT": str(ports["mllp"]),
        "VIGIL_LIVE_URL": os.environ.get("VIGIL_LIVE_URL", f"ws://{host}:{ports['live']}/live"),
        "VIGIL_PAGE_URL": os.environ.get("VIGIL_PAGE_URL", f"http://{host}:{ports['http']}/page/"),
        "VIGIL_KEY_FILE": str(home.site_key()),
        "VIGIL_DATA_DIR": str(home.path),
    }
