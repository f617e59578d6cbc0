"""Notes on a patient: nothing is taken back, what is wrong is struck out, and nobody reads them without the patient's key."""

from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from tests.integration.dashboard_api_http.site import Site

As = Callable[[str], httpx.Client]


@pytest.fixture
def url(site: Site) -> str:
    """The notes of a new patient."""
    return f"/api/v1/patients/{site.patient()['id']}/notes"


def written(client: httpx.Client, url: str, text: str, **more: str) -> dict[str, Any]:
    answer = client.post(url, json={"text": text, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_note_says_who_wrote_it_and_the_newest_is_first(as_: As, url: str) -> None:
    written(as_("doctor"), url, "Cough since yesterday")
    written(as_("nurse"), url, "Slept well\nate little")
    items = as_("oncall").get(url).json()["items"]
    assert [(n["author"], n["role"], n["text"], n["struck"]) for n in items] == [
        ("nurse", "nurse", "Slept well\nate little", None),
        ("doctor", "doctor", "Cough since yesterday", None),
    ]


def test_a_note_that_is_struck_out_stays_and_says_why(as_: As, url: str) -> None:
    wrong = written(as_("nurse"), url, "Allergic to penicillin")
    strike = written(as_("doctor"), url, "Another patient's", strikes=wrong["id"])
    newest, first = as_("nurse").get(url).json()["items"]
    assert (newest["id"], newest["strikes"], first["text"]) == (strike["id"], wrong["id"], "Allergic to penicillin")
    assert first["struck"] == {"by": "doctor", "at": strike["at"], "reason": "Another patient's"}


def test_a_note_is_struck_out_once(as_: As, url: str) -> None:
    wrong = written(as_("nurse"), url, "Wrong")
    written(as_("nurse"), url, "It was wrong", strikes=wrong["id"])
    assert as_("nurse").post(url, json={"text": "again", "strikes": wrong["id"]}).status_code == 409


def test_only_a_note_of_this_patient_that_says_something_is_struck_out(site: Site, as_: As, url: str) -> None:
    wrong = written(as_("nurse"), url, "Wrong")
    strike = written(as_("nurse"), url, "It was wrong", strikes=wrong["id"])
    elsewhere = written(as_("nurse"), f"/api/v1/patients/{site.patient()['id']}/notes", "Of somebody else")
    answers = [as_("nurse").post(url, json={"text": "x", "strikes": s}) for s in (strike["id"], elsewhere["id"], "nothing")]
    assert [(a.status_code, a.json()["detail"].partition(":")[0]) for a in answers] == [(422, "strikes")] * 3


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": " \n"}, {"text": "x" * 4001}, {"text": "x", "by": "me"}, {"text": 1}])
def test_what_is_no_note_is_a_422(as_: As, url: str, body: dict[str, object]) -> None:
    assert as_("nurse").post(url, json=body).status_code == 422


def test_many_notes_come_in_pages(as_: As, url: str) -> None:
    for n in range(5):
        written(as_("nurse"), url, f"note {n}")
    seen: list[str] = []
    following: str | None = ""
    while following is not None:
        page = as_("nurse").get(url, params={"limit": "2", "cursor": following}).json()
        seen, following = seen + [n["text"] for n in page["items"]], page["next"]
    assert seen == [f"note {n}" for n in (4, 3, 2, 1, 0)]


def test_a_note_cannot_be_read_in_the_database_nor_changed_there(site: Site, as_: As, url: str) -> None:
    written(as_("nurse"), url, "Worried about Zora")
    rows = site.sql("SELECT t::text, encode(sealed, 'escape') FROM clinical.note t")
    assert "Zora" not in str(rows)
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        site.sql("UPDATE clinical.note SET author = 'x'")


def test_the_audit_has_the_note_and_not_its_words(as_: As, url: str) -> None:
    note = written(as_("nurse"), url, "Worried about Zora")
    audit = as_("auditor").get("/api/v1/audit", params={"patient": url.split("/")[4]})
    entry = next(e for e in audit.json()["items"] if e["action"] == "createNote")
    assert (entry["actor"], entry["outcome"], entry["detail"], "Zora" in audit.text) == ("nurse", "done", {"note": note["id"]}, False)


def test_a_patient_reads_their_notes_and_writes_none(site: Site, as_: As, url: str) -> None:
    written(as_("nurse"), url, "Slept well")
    as_("admin").put("/api/v1/accounts/patient", json={"patient": url.split("/")[4]}).raise_for_status()
    patient = as_("patient")
    assert (patient.get(url).json()["items"][0]["text"], patient.post(url, json={"text": "x"}).status_code) == ("Slept well", 403)


def test_a_changed_name_leaves_the_notes_readable(as_: As, url: str) -> None:
    written(as_("nurse"), url, "Slept well")
    as_("admin").patch(url.removesuffix("/notes"), json={"name": "Ada Married"}).raise_for_status()
    assert as_("nurse").get(url).json()["items"][0]["text"] == "Slept well"


def test_an_export_has_the_notes_and_an_erasure_takes_their_words(as_: As, url: str) -> None:
    patient = url.split("/")[4]
    wrong = written(as_("nurse"), url, "Wrong")
    written(as_("nurse"), url, "It was wrong", strikes=wrong["id"])
    exported = as_("doctor").get(f"/api/v1/patients/{patient}/export").json()["notes"]
    as_("admin").post(f"/api/v1/patients/{patient}/erasure", json={"confirm": patient, "reason": "asked for"}).raise_for_status()
    after = as_("doctor").get(url).json()["items"]
    assert [n["text"] for n in exported] == ["It was wrong", "Wrong"]
    assert [(n["author"], n["text"], (n["struck"] or {}).get("reason")) for n in after] == [("nurse", None, None)] * 2
    assert as_("doctor").post(url, json={"text": "one more"}).status_code == 409


def test_an_erasure_takes_the_answers_that_were_kept_for_a_repeat(site: Site, as_: As, url: str) -> None:
    as_("nurse").post(url, json={"text": "Slept well"}, headers={"Idempotency-Key": "erased"}).raise_for_status()
    patient = url.split("/")[4]
    as_("admin").post(f"/api/v1/patients/{patient}/erasure", json={"confirm": patient, "reason": "asked for"}).raise_for_status()
    assert site.sql("SELECT count(*) FROM access.idempotency WHERE key = 'erased'") == [(0,)]
