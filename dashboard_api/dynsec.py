"""What Mosquitto's dynamic-security plugin must be told so that a device is itself and nothing else. Pure.

In: a device's id and kind. Out: the commands of the control topic (Mosquitto 2.0 documentation, "Dynamic Security"). A device may
publish its own readings, waveforms and status, and hear its own refusals and configuration; a gateway in place of its own readings
those of the devices it speaks for. Nothing else: the plugin denies by default.
"""

from typing import Any

CONTROL = "$CONTROL/dynamic-security/v1"
RESPONSE = f"{CONTROL}/response"
Command = dict[str, Any]

_ALREADY = ("already exists", "not found")


def topics(device: str, kind: str) -> dict[str, str]:
    """What the device is told: where to publish, and where to listen."""
    vitals = f"vigil/v1/gateways/{device}/vitals" if kind == "gateway" else f"vigil/v1/{device}/vitals"
    own = {name: f"vigil/v1/{device}/{name}" for name in ("waveform", "status", "refused", "config")}
    return {"vitals": vitals} | own


def acls(device: str, kind: str) -> list[Command]:
    """The role's rights, one an entry."""
    where = topics(device, kind)
    send = [where[name] for name in ("vitals", "waveform", "status")]
    hear = [where[name] for name in ("refused", "config")]
    pairs = [("publishClientSend", t) for t in send]
    pairs += [(right, t) for t in hear for right in ("subscribeLiteral", "publishClientReceive", "unsubscribeLiteral")]
    return [{"acltype": right, "topic": topic, "priority": 0, "allow": True} for right, topic in pairs]


def role_of(device: str) -> str:
    """The role that only this device has."""
    return f"device-{device}"


def enrol(device: str, kind: str, password: str) -> list[Command]:
    """A role of its own and an account that has it."""
    return [
        {"command": "createRole", "rolename": role_of(device), "acls": acls(device, kind)},
        {"command": "createClient", "username": device, "password": password, "roles": [{"rolename": role_of(device)}]},
    ]


def revoke(device: str) -> list[Command]:
    """The account goes (the broker cuts its connection), then the role."""
    return [
        {"command": "disableClient", "username": device},
        {"command": "deleteClient", "username": device},
        {"command": "deleteRole", "rolename": role_of(device)},
    ]


def new_secret(device: str, password: str) -> list[Command]:
    """Another password for the same account."""
    return [{"command": "setClientPassword", "username": device, "password": password}]


def publish_right(role: str = "admin") -> list[Command]:
    """Lets the managing account put a refused message back on its topic, and tell a device its configuration."""
    return [
        {"command": "addRoleACL", "rolename": role, "acltype": "publishClientSend", "topic": "vigil/v1/#", "priority": 0, "allow": True}
    ]


def refused(response: Command) -> str | None:
    """Why the broker refused a command, None when it is done (also when it was done before)."""
    error = response.get("error")
    return None if error is None or any(word in str(error).lower() for word in _ALREADY) else str(error)
