"""A site whose people are in a real Keycloak, which is fetched (159 MB). Asked for by a word in the environment:

VIGIL_TEST_KEYCLOAK=1 ./vigil test tests/integration/keycloak
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from deploy.parts import kafka as kafka_part
from deploy.parts import keycloak, running
from deploy.parts import mosquitto as mosquitto_part
from tests import parts
from tests.integration.dashboard_api_http.site import Site, running_site
from vitals.topics import Topics

collect_ignore_glob = [] if os.environ.get("VIGIL_TEST_KEYCLOAK") else ["test_*.py"]
REALM, CLIENT, SECRET, PASSWORD = "hospital", "vigil", "the client's secret", "a long enough password"


@dataclass(frozen=True)
class Hospital:
    """A realm with nurses and doctors. `url`: its issuer."""

    url: str
    admin: httpx.Client

    def person(self, name: str, role: str | None, *wards: str) -> None:
        """Somebody who can log in, with a role of the realm and the attribute `wards`."""
        body = {
            "username": name, "enabled": True, "emailVerified": True, "email": f"{name}@hospital.example", "firstName": "A",
            "lastName": "B",
            "attributes": {"wards": list(wards)}, "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
        }  # fmt: skip
        made = self.admin.post(f"/admin/realms/{REALM}/users", json=body)
        made.raise_for_status()
        if role is not None:
            found = self.admin.get(f"/admin/realms/{REALM}/roles/{role}").json()
            self.admin.post(f"{made.headers['location']}/role-mappings/realm", json=[found]).raise_for_status()


def realm(redirect: str) -> dict[str, object]:
    """One client that must use PKCE, and the two claims that Vigil reads, in the ID token."""
    told = {
        "id.token.claim": "true",
        "access.token.claim": "false",
        "userinfo.token.claim": "false",
        "multivalued": "true",
        "jsonType.label": "String",
    }
    mappers = [
        {"name": "roles", "protocol": "openid-connect", "protocolMapper": "oidc-usermodel-realm-role-mapper",
         "config": told | {"claim.name": "roles"}},
        {"name": "wards", "protocol": "openid-connect", "protocolMapper": "oidc-usermodel-attribute-mapper",
         "config": told | {"claim.name": "wards", "user.attribute": "wards"}},
    ]  # fmt: skip
    client = {
        "clientId": CLIENT, "secret": SECRET, "redirectUris": [redirect], "standardFlowEnabled": True, "directAccessGrantsEnabled": False,
        "attributes": {"pkce.code.challenge.method": "S256"}, "protocolMappers": mappers,
    }  # fmt: skip
    roles = [{"name": name} for name in ("vigil-nurse", "vigil-doctor", "vigil-admin")]
    return {"realm": REALM, "enabled": True, "sslRequired": "none", "roles": {"realm": roles}, "clients": [client]}


@pytest.fixture(scope="package")
def hospital(tmp_path_factory: pytest.TempPathFactory, http_port: int) -> Iterator[Hospital]:
    """A Keycloak with the realm."""
    server = keycloak.start(tmp_path_factory.mktemp("keycloak"), running.free_port(), PASSWORD, parts.say)
    url = f"http://{server.address}"
    form = {"grant_type": "password", "client_id": "admin-cli", "username": keycloak.ADMIN, "password": PASSWORD}
    token = httpx.post(f"{url}/realms/master/protocol/openid-connect/token", data=form, timeout=60).json()["access_token"]
    admin = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    admin.post("/admin/realms", json=realm(f"http://127.0.0.1:{http_port}/*")).raise_for_status()
    profile = admin.get(f"/admin/realms/{REALM}/users/profile").json() | {"unmanagedAttributePolicy": "ENABLED"}
    admin.put(f"/admin/realms/{REALM}/users/profile", json=profile).raise_for_status()
    yield Hospital(f"{url}/realms/{REALM}", admin)
    server.stop()


@pytest.fixture(scope="package")
def http_port() -> int:
    """Where the site will answer: Keycloak must know it first."""
    return running.free_port()


@pytest.fixture(scope="package")
def site(
    kafka: str,
    postgres: str,
    mosquitto: mosquitto_part.Broker,
    hospital: Hospital,
    http_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """A site that trusts the realm."""
    topics = Topics("keycloaktests")
    kafka_part.make_topics(kafka, topics.settings(), 4)
    more = {
        "VIGIL_OIDC_ISSUER": hospital.url, "VIGIL_OIDC_CLIENT_ID": CLIENT, "VIGIL_OIDC_CLIENT_SECRET": SECRET,
        "VIGIL_HTTP_PORT": str(http_port),
    }  # fmt: skip
    with parts.fresh_database(postgres) as database:
        yield from running_site(kafka, database, mosquitto, topics, tmp_path_factory.mktemp("http"), more)
