"""`DIR/endpoints.json`: where a running Vigil is. In: the file that `up` writes. Out: what a device and an admin need of it."""

from pathlib import Path

import msgspec


class Account(msgspec.Struct, frozen=True):
    """A demonstration account."""

    username: str
    password: str
    role: str


class MqttDoor(msgspec.Struct, frozen=True):
    """The broker as devices meet it; `port` is None where only TLS is open; `mtls_port`: for devices with certificates."""

    host: str
    port: int | None = None
    tls_port: int | None = None
    mtls_port: int | None = None
    ca_file: str | None = None


class Endpoints(msgspec.Struct, frozen=True):
    """`http`: base address of the API's server; `live`: the WebSocket's."""

    http: str
    mqtt: MqttDoor
    accounts: tuple[Account, ...]
    live: str = ""
    database: str = ""
    kafka: str = ""
    ready: bool = False

    def account(self, role: str) -> Account:
        """The demonstration account with that role. Raises LookupError when `up` made none."""
        for account in self.accounts:
            if account.role == role:
                return account
        raise LookupError(f"no account with the role {role} in endpoints.json")


def read(data_dir: Path) -> Endpoints:
    """Raises SystemExit, saying what to do, when no Vigil runs there."""
    path = data_dir / "endpoints.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Endpoints)
    except FileNotFoundError:
        raise SystemExit(f"no Vigil runs on {data_dir}: {path} is not there. Start one with ./vigil up --data-dir {data_dir}") from None
    except msgspec.MsgspecError as error:
        raise SystemExit(f"{path} cannot be read: {error}") from error
