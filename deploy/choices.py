"""What the person chose for one `up`: patients, speed, folder, addresses, ports. A port of 0 takes a free one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.parts import mosquitto, running
from deploy.parts.errors import PortTaken


@dataclass(frozen=True, slots=True)
class PortOption:
    """A port that can be chosen: its name, what listens there, the default, and whether it is under `--bind`."""

    name: str
    what: str
    default: int
    bound: bool = True

    @property
    def option(self) -> str:
        """The command line's word for it."""
        return f"--{self.name.replace('_', '-')}-port"


PORTS = (
    PortOption("http", "dashboard and API", 8080),
    PortOption("live", "live feed", 8081),
    PortOption("mqtt", "MQTT", 1883),
    PortOption("mqtt_tls", "MQTT over TLS", 8883),
    PortOption("mqtt_mtls", "MQTT for devices with certificates", 0),
    PortOption("mllp", "HL7 v2 over MLLP", 2575),
    PortOption("kafka", "Kafka", 19092, bound=False),
    PortOption("database", "PostgreSQL", 15432, bound=False),
)

# server named in the environment -> ports that we then do not open
NAMED = {"VIGIL_KAFKA": ("kafka",), "VIGIL_DATABASE": ("database",), "VIGIL_MQTT": ("mqtt", "mqtt_tls", "mqtt_mtls")}


@dataclass(frozen=True, slots=True)
class Choices:
    """One `up`; `ports` by `PortOption.name`."""

    data_dir: Path
    ports: Mapping[str, int]
    patients: int = 24
    speed: float = 1.0
    simulator: bool = True
    bind: str = "127.0.0.1"
    canary: bool = False
    mqtt_plain: bool = False

    @property
    def host(self) -> str:
        """The address under which this machine reaches what is bound."""
        return "127.0.0.1" if self.bind == "0.0.0.0" else self.bind  # noqa: S104 - compared with, not bound to


def settle_ports(chosen: Mapping[str, int], bind: str, environ: Mapping[str, str], mqtt_plain: bool = False) -> dict[str, int]:
    """The ports to use: 0 becomes a free one; `PortTaken` names the first that another program has on an address that it is wanted on."""
    ours = {name for variable, names in NAMED.items() if variable not in environ for name in names} | {"http", "live", "mllp"}
    settled: dict[str, int] = {}
    for option in PORTS:
        if option.name not in ours:
            continue
        port = chosen[option.name] or running.free_port()
        if port in settled.values():
            raise PortTaken(port, option.what, option.option, f"is Vigil's own {_user_of(port, settled)} already")
        for host in addresses(option, bind, mqtt_plain):
            running.require_free(port, option.what, option.option, host)
        settled[option.name] = port
    return settled


def unheard(bind: str, environ: Mapping[str, str]) -> str:
    """What `up` says where HL7's port is open beyond this machine and nobody is named who may speak there; "" where that is not so."""
    if bind.startswith("127.") or bind in ("localhost", "::1") or "VIGIL_MLLP_PEERS" in environ:
        return ""
    return "HL7 over MLLP is heard from 127.0.0.1 alone: name the addresses of its senders in VIGIL_MLLP_PEERS"


def addresses(option: PortOption, bind: str, mqtt_plain: bool) -> tuple[str, ...]:
    """Where this port will listen: the broker's are not all on `bind`, nor on `bind` alone."""
    broker = mosquitto.Ports(0, 0, bind, open_plain=mqtt_plain)
    if option.name == "mqtt":
        return (broker.plain_bind,)
    if option.name in NAMED["VIGIL_MQTT"]:
        return broker.secure_binds
    return (bind if option.bound else "127.0.0.1",)


def _user_of(port: int, settled: Mapping[str, int]) -> str:
    return next(option.what for option in PORTS if settled.get(option.name) == port)
