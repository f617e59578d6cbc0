"""Getting in, staying in, being thrown out."""

import uuid
from collections.abc import Callable

import httpx

from tests.integration.dashboard_api_http.site import Site, stranger

As = Callable[[str], httpx.Client]
PASSWORD = "a long enough password"


def account(site: Site, role: str = "nurse", **facts: object) -> str:
    name = f"u{uuid.uuid4().hex[:10]}"
    body = {"username": name, "password": PASSWORD, "role": role} | facts
    site.client("admin").post("/api/v1/accounts", json=body).raise_for_status()
    return name


def token(site: Site, **form: str) -> httpx.Response:
    """From an address where nobody logged in before."""
    with stranger(site.url) as nobody:
        return nobody.post("/api/v1/token", data=form)


def guessed(somebody: httpx.Client, name: str, times: int = 5) -> list[int]:
    """The statuses of so many wrong passwords, from one address."""
    return [somebody.post("/api/v1/token", data={"username": name, "password": "wrong password"}).status_code for _ in range(times)]


def test_a_log_in_gives_a_token_that_says_who_i_am(site: Site) -> None:
    name = account(site, wards=["south"])
    me = site.logged_in(name, PASSWORD).get("/api/v1/me").json()
    assert (me["username"], me["role"], me["wards"]) == (name, "nurse", ["south"])


def test_the_form_is_that_of_oauth(site: Site) -> None:
    answer = token(site, grant_type="password", username=account(site), password=PASSWORD)
    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (answer.json()["token_type"], answer.headers["cache-control"]) == ("bearer", "no-store")


def test_a_wrong_password_and_a_wrong_name_look_the_same(site: Site) -> None:
    answers = [token(site, username=name, password="wrong password") for name in (account(site), f"no{uuid.uuid4().hex[:8]}")]
    assert [a.status_code for a in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


def test_five_wrong_passwords_lock_the_name_there_even_for_the_right_one(site: Site) -> None:
    name = account(site)
    with stranger(site.url) as somebody:
        statuses = guessed(somebody, name)
        locked = somebody.post("/api/v1/token", data={"username": name, "password": PASSWORD})
    assert (statuses, locked.status_code) == ([401] * 5, 429)
    assert int(locked.headers["retry-after"]) > 60


def test_who_guesses_a_password_locks_nobody_out_elsewhere(site: Site) -> None:
    name = account(site)
    with stranger(site.url) as somebody:
        statuses = guessed(somebody, name, 20)
    assert (statuses[:6], token(site, username=name, password=PASSWORD).status_code) == ([401] * 5 + [429], 200)


def test_a_log_in_elsewhere_unlocks_nobody_who_guesses(site: Site) -> None:
    name = account(site)
    with stranger(site.url) as somebody:
        guessed(somebody, name)
        token(site, username=name, password=PASSWORD).raise_for_status()
        assert guessed(somebody, name, 1) == [429]


def test_wrong_passwords_from_everywhere_lock_the_name_everywhere(site: Site) -> None:
    name = account(site)
    almost = "INSERT INTO access.login_failure (username, counted, failures, last_at) VALUES (%s, 'name', 99, now())"
    site.sql(almost, name)
    statuses = [token(site, username=name, password=password).status_code for password in ("wrong password", PASSWORD)]
    assert statuses == [401, 429]


def test_one_wrong_password_after_a_lock_has_run_out_locks_nobody(site: Site) -> None:
    name = account(site)
    with stranger(site.url) as somebody:
        guessed(somebody, name)
        site.sql("UPDATE access.login_failure SET locked_until = now() - interval '1 s' WHERE username = %s", name)
        wrong = guessed(somebody, name, 1)
        right = somebody.post("/api/v1/token", data={"username": name, "password": PASSWORD})
    assert (wrong, right.status_code) == ([401], 200)


def test_a_name_that_does_not_exist_locks_just_so(site: Site) -> None:
    with stranger(site.url) as somebody:
        assert guessed(somebody, f"no{uuid.uuid4().hex[:8]}", 6) == [401] * 5 + [429]


def test_log_ins_that_succeed_hold_nobody_up(site: Site) -> None:
    form = {"username": account(site), "password": PASSWORD}
    with stranger(site.url) as somebody:
        statuses = [somebody.post("/api/v1/token", data=form).status_code for _ in range(80)]
    assert statuses == [200] * 80


def test_a_stranger_who_asked_for_everything_may_still_log_in(site: Site) -> None:
    form = {"username": account(site), "password": PASSWORD}
    with stranger(site.url) as somebody:
        statuses = {somebody.get("/api/v1/patients").status_code for _ in range(150)}
        answer = somebody.post("/api/v1/token", data=form)
    assert (statuses, answer.status_code) == ({401}, 200)


def test_a_refresh_token_is_good_once_and_its_second_use_ends_the_session(site: Site) -> None:
    first = token(site, username=account(site), password=PASSWORD).json()
    second = token(site, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    again = token(site, grant_type="refresh_token", refresh_token=first["refresh_token"])
    me = site.client("").get("/api/v1/me", headers={"Authorization": f"Bearer {second['access_token']}"})
    stolen = token(site, grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert [again.status_code, me.status_code, stolen.status_code] == [401, 401, 401]


def test_logging_out_ends_the_token_at_once(site: Site) -> None:
    client = site.logged_in(account(site), PASSWORD)
    statuses = [client.post("/api/v1/logout", json={}).status_code, client.get("/api/v1/me").status_code]
    assert statuses == [204, 401]


def test_a_disabled_account_is_out_at_once_and_cannot_come_back(site: Site) -> None:
    name = account(site)
    client = site.logged_in(name, PASSWORD)
    site.client("admin").put(f"/api/v1/accounts/{name}", json={"disabled": True}).raise_for_status()
    assert [client.get("/api/v1/me").status_code, token(site, username=name, password=PASSWORD).status_code] == [401, 401]


def test_an_integration_has_only_what_its_scopes_name(site: Site) -> None:
    client = site.logged_in(account(site, "integration", all_wards=True, scopes=["patients.read"]), PASSWORD)
    patient = site.patient()["id"]
    assert [client.get(f"/api/v1/patients/{patient}{path}").status_code for path in ("", "/vitals")] == [200, 403]


def test_no_password_is_stored_readable(site: Site) -> None:
    name = account(site)
    assert site.sql("SELECT password_hash FROM access.account WHERE username = %s", name)[0][0].startswith("$argon2id$")


def test_a_form_that_is_none_is_a_problem(as_: As) -> None:
    answers = [
        as_("").post("/api/v1/token", json={"username": "x"}),
        as_("").post("/api/v1/token", data={"grant_type": "magic", "username": "x"}),
    ]
    assert [a.status_code for a in answers] == [415, 400]
