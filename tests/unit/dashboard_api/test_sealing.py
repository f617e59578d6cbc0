"""A person's data opens with the site's key and that patient's, and with nothing else."""

from datetime import date

import pytest
from cryptography.exceptions import InvalidTag

from dashboard_api import keys, sealing
from vitals.errors import SettingError

KEYS, OTHER = keys.derive(b"a" * 32), keys.derive(b"b" * 32)
PERSON = sealing.Person(mrn="4711", name="Ada Żółć", birth_date=date(1950, 1, 2), sex="female")


def test_what_was_sealed_opens_the_same() -> None:
    s = sealing.seal(KEYS, "p1", PERSON)
    assert sealing.opened(KEYS, "p1", s.wrapped_key, s.sealed) == PERSON


def test_nothing_of_a_person_can_be_read_in_what_is_stored() -> None:
    s = sealing.seal(KEYS, "p1", PERSON)
    assert not any(word in s.wrapped_key + s.sealed + s.mrn_digest for word in (b"4711", b"Ada", b"1950", b"female"))


def test_another_sites_key_opens_nothing() -> None:
    s = sealing.seal(KEYS, "p1", PERSON)
    with pytest.raises(InvalidTag):
        sealing.opened(OTHER, "p1", s.wrapped_key, s.sealed)


def test_a_row_moved_to_another_patient_does_not_open() -> None:
    s = sealing.seal(KEYS, "p1", PERSON)
    with pytest.raises(InvalidTag):
        sealing.opened(KEYS, "p2", s.wrapped_key, s.sealed)


def test_one_patients_key_does_not_open_another() -> None:
    one, two = sealing.seal(KEYS, "p1", PERSON), sealing.seal(KEYS, "p1", PERSON)
    with pytest.raises(InvalidTag):
        sealing.opened(KEYS, "p1", one.wrapped_key, two.sealed)


def test_a_note_opens_also_after_the_person_was_changed() -> None:
    key = sealing.seal(KEYS, "p1", PERSON).wrapped_key
    note = sealing.seal_note(KEYS, "p1", "n1", key, "Slept well")
    changed = sealing.resealed(KEYS, "p1", key, PERSON)
    assert (sealing.opened_note(KEYS, "p1", "n1", changed.wrapped_key, note), b"Slept" in note) == ("Slept well", False)


@pytest.mark.parametrize(("patient", "note"), [("p2", "n1"), ("p1", "n2")])
def test_a_note_moved_to_another_patient_or_place_does_not_open(patient: str, note: str) -> None:
    key = sealing.seal(KEYS, "p1", PERSON).wrapped_key
    with pytest.raises(InvalidTag):
        sealing.opened_note(KEYS, patient, note, key, sealing.seal_note(KEYS, "p1", "n1", key, "Slept well"))


def test_a_record_number_has_one_digest_whatever_the_blanks_around_it() -> None:
    assert sealing.mrn_digest(KEYS, " 4711 ") == sealing.mrn_digest(KEYS, "4711") != sealing.mrn_digest(OTHER, "4711")


@pytest.mark.parametrize(
    ("born", "band"),
    [
        ("2026-11-21", "0-3m"),
        ("2026-08-22", "0-3m"),
        ("2026-08-21", "3-12m"),
        ("2025-11-22", "3-12m"),
        ("2025-11-21", "1-4y"),
        ("2022-11-22", "1-4y"),
        ("2022-11-21", "4-12y"),
        ("2014-11-21", "12-16y"),
        ("2010-11-22", "12-16y"),
        ("2010-11-21", "adult"),
        ("1930-01-01", "adult"),
    ],
)
def test_the_age_band_changes_on_the_birthday(born: str, band: str) -> None:
    assert sealing.age_band(date.fromisoformat(born), date(2026, 11, 21)) == band


@pytest.mark.parametrize("text", ["", "not base64!", "c2hvcnQ="])
def test_a_key_file_that_is_not_32_bytes_is_named(text: str) -> None:
    with pytest.raises(SettingError, match="VIGIL_KEY_FILE"):
        keys.parse(text)


def test_the_keys_do_not_print_themselves() -> None:
    assert repr(KEYS) == "SiteKeys()"
