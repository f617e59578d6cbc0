"""The log-in with a real Keycloak 26.4: its form, its code, its signed ID token, its claims."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.integration.dashboard_api_http.site import Site
from tests.integration.keycloak.conftest import PASSWORD, Hospital

pytestmark = pytest.mark.slow


def ended(site: Site, name: str) -> dict[str, str]:
    """The whole way of a browser, by Keycloak's own page; what our page finds behind the `#`."""
    with httpx.Client(timeout=60) as browser:
        form = browser.get(browser.get(f"{site.url}/api/v1/login/oidc").headers["location"])
        for cookie in browser.cookies.jar:
            cookie.secure = False  # Keycloak's are "secure", which a browser takes for 127.0.0.1 without TLS and this client does not
        found = re.search(r'action="([^"]+)"', form.text)
        assert found is not None, form.text[:2000]
        back = browser.post(html.unescape(found[1]), data={"username": name, "password": PASSWORD})
        assert back.status_code == 302, back.text[:2000]
        there = browser.get(back.headers["location"]).headers["location"]
    return {key: values[0] for key, values in parse_qs(urlsplit(there).fragment).items()}


@pytest.mark.parametrize(
    ("role", "wards", "expected"), [("vigil-nurse", ["north"], ("nurse", ["north"])), ("vigil-doctor", ["*"], ("doctor", None))]
)
def test_whom_keycloak_vouches_for_is_in_with_role_and_wards(
    site: Site, hospital: Hospital, role: str, wards: list[str], expected: tuple[str, list[str] | None]
) -> None:
    hospital.person(f"kc.{role}", role, *wards)
    code = ended(site, f"kc.{role}")["login_code"]
    tokens = httpx.post(f"{site.url}/api/v1/token", data={"grant_type": "authorization_code", "code": code}).json()
    me = httpx.get(f"{site.url}/api/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json()
    assert (me["username"], (me["role"], me["wards"])) == (f"kc.{role}", expected)


def test_somebody_without_a_role_of_ours_stays_out(site: Site, hospital: Hospital) -> None:
    hospital.person("kc.visitor", None)
    assert "no role" in ended(site, "kc.visitor")["login_error"]
