"""With the hospital's log-in: off to the provider, back, and in, with the role and wards that it says; and every way that ends outside."""

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.integration.dashboard_api_http.provider import OpenIdProvider
from tests.integration.dashboard_api_http.site import TIMEOUT_S, Site, stranger
from tests.integration.dashboard_api_http.test_sessions import PASSWORD, token


def vouched(provider: OpenIdProvider, **claims: Any) -> str:
    """Somebody new, a nurse of north unless `claims` say otherwise; their user name."""
    name = f"o{uuid.uuid4().hex[:10]}"
    provider.claims = {"sub": f"sub-{name}", "preferred_username": name, "roles": ["vigil-nurse"], "wards": ["north"]} | claims
    provider.changed = {}
    return name


def returned(site: Site, browser: httpx.Client) -> str:
    """The callback's address, as the provider sends this browser back to it."""
    there = browser.get(f"{site.url}/api/v1/login/oidc", params={"back": "/ward"})
    assert there.status_code == 302, there.text
    return browser.get(there.headers["location"]).headers["location"]


def told(answer: httpx.Response) -> dict[str, str]:
    """What the page finds behind the `#`."""
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).fragment).items()}


def ended(site: Site) -> dict[str, str]:
    """The whole way of one browser."""
    with stranger() as browser:
        return told(browser.get(returned(site, browser)))


def entered(site: Site, code: str) -> httpx.Response:
    return token(site, grant_type="authorization_code", code=code)


def me(site: Site, code: str) -> dict[str, Any]:
    answer = entered(site, code)
    assert answer.status_code == 200, answer.text
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return dict(site.client("").get("/api/v1/me", headers=bearer).json())


def test_the_page_learns_of_the_button(site: Site) -> None:
    found = site.client("").get("/api/v1/login/methods").json()
    assert found == {"password": True, "oidc": {"name": "Single sign-on", "url": "/api/v1/login/oidc"}, "second_factor": []}


def test_whom_the_provider_vouches_for_is_in_with_role_and_wards(site: Site, provider: OpenIdProvider) -> None:
    name = vouched(provider)
    found = me(site, ended(site)["login_code"])
    assert (found["username"], found["role"], found["wards"]) == (name, "nurse", ["north"])


def test_the_browser_lands_where_it_began(site: Site, provider: OpenIdProvider) -> None:
    vouched(provider)
    with stranger() as browser:
        answer = browser.get(returned(site, browser))
        assert (answer.status_code, answer.headers["location"].partition("#")[0], dict(browser.cookies)) == (302, "/ward", {})


def test_the_code_is_good_once(site: Site, provider: OpenIdProvider) -> None:
    vouched(provider)
    code = ended(site)["login_code"]
    assert [entered(site, code).status_code for _ in range(2)] == [200, 401]


def test_role_and_wards_follow_the_provider_at_every_log_in(site: Site, provider: OpenIdProvider) -> None:
    name = vouched(provider)
    ended(site)
    provider.claims |= {"roles": ["doctor"], "wards": ["*"]}
    found = me(site, ended(site)["login_code"])
    assert (found["username"], found["role"], found["wards"]) == (name, "doctor", None)


@pytest.mark.parametrize("roles", [[], ["patient"], ["doctor", "admin"], None], ids=str)
def test_without_exactly_one_role_nobody_comes_in_and_no_account_is_made(site: Site, provider: OpenIdProvider, roles: Any) -> None:
    name = vouched(provider, roles=roles)
    assert "no role" in ended(site)["login_error"]
    assert site.sql("SELECT 1 FROM access.account WHERE username = %s", name) == []


@pytest.mark.parametrize("changed", [{"nonce": "other"}, {"aud": "other"}, {"iss": "http://other"}, {"exp": 1}], ids=str)
def test_a_token_that_is_not_for_this_log_in_is_refused(site: Site, provider: OpenIdProvider, changed: dict[str, Any]) -> None:
    vouched(provider)
    provider.changed = changed
    assert "login_error" in ended(site)


def test_another_browser_cannot_finish_what_this_one_began(site: Site, provider: OpenIdProvider) -> None:
    vouched(provider)
    with stranger() as mine, stranger() as other:
        assert told(other.get(returned(site, mine))) == {"login_error": "this browser did not begin the log-in"}


def test_the_answer_to_another_attempt_is_refused(site: Site, provider: OpenIdProvider) -> None:
    vouched(provider)
    with stranger() as browser:
        back = httpx.URL(returned(site, browser)).copy_set_param("state", "another")
        assert told(browser.get(back)) == {"login_error": "this is the answer to another log-in"}


def test_a_code_of_the_provider_is_good_once(site: Site, provider: OpenIdProvider) -> None:
    vouched(provider)
    with stranger() as browser:
        back, kept = returned(site, browser), dict(browser.cookies)
        answers = [httpx.get(back, cookies=kept, timeout=TIMEOUT_S) for _ in range(2)]
    assert ["login_code" in told(answer) for answer in answers] == [True, False]


def test_who_says_no_at_the_provider_is_told_so(site: Site, provider: OpenIdProvider) -> None:
    vouched(provider)
    with stranger() as browser:
        back = httpx.URL(returned(site, browser)).copy_remove_param("code").copy_set_param("error", "access_denied")
        assert told(browser.get(back)) == {"login_error": "the provider did not let you in"}


def test_a_local_account_is_not_taken_over_until_an_admin_links_it(site: Site, provider: OpenIdProvider) -> None:
    name = vouched(provider)
    admin = site.client("admin")
    admin.post("/api/v1/accounts", json={"username": name, "password": PASSWORD, "role": "nurse"}).raise_for_status()
    before = ended(site)
    linked = {"issuer": provider.issuer, "subject": provider.claims["sub"]}
    admin.put(f"/api/v1/accounts/{name}", json=linked).raise_for_status()
    assert ("another account" in before["login_error"], me(site, ended(site)["login_code"])["username"]) == (True, name)


def test_a_disabled_account_stays_out(site: Site, provider: OpenIdProvider) -> None:
    name = vouched(provider)
    ended(site)
    site.client("admin").put(f"/api/v1/accounts/{name}", json={"disabled": True}).raise_for_status()
    assert ended(site) == {"login_error": "this account is disabled"}


def test_such_an_account_has_no_password(site: Site, provider: OpenIdProvider) -> None:
    name = vouched(provider)
    ended(site)
    answers = [token(site, username=name, password=word) for word in ("", "nobody's")]
    assert [answer.status_code for answer in answers] == [401, 401]


def test_both_ends_are_audited(site: Site, provider: OpenIdProvider) -> None:
    name = vouched(provider)
    code = ended(site)["login_code"]
    entered(site, code)
    rows = site.sql("SELECT action, outcome FROM access.audit WHERE actor = %s ORDER BY n", name)
    assert rows == [("login.oidc", "done"), ("login.authorization_code", "done")]
