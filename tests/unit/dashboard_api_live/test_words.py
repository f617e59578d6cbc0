"""Who may subscribe to what; any bytes are a request or a named refusal."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard_api.live import words
from dashboard_api.live.audience import Strip
from dashboard_api.live.words import Auth, Refused, Subscribe
from dashboard_api.policy import Caller, Role

WHERE = {"pn": "north", "ps": "south"}
CALLERS = {
    "doctor": Caller("d", Role.DOCTOR, all_wards=True),
    "nurse": Caller("n", Role.NURSE, wards=frozenset({"north"})),
    "nurse with broken glass": Caller("b", Role.NURSE, wards=frozenset({"north"}), broken_glass=frozenset({"ps"})),
    "oncall": Caller("o", Role.ONCALL, wards=frozenset({"north"})),
    "patient": Caller("p", Role.PATIENT, patient="pn"),
    "integration": Caller("i", Role.INTEGRATION, wards=frozenset({"north"}), scopes=frozenset({"vitals.read", "alerts.read"})),
    "an app that may read observations only": Caller("x", Role.DOCTOR, all_wards=True, limits=frozenset({"user/Observation.rs"})),
    "integration without scope": Caller("j", Role.INTEGRATION, wards=frozenset({"north"})),
    "admin": Caller("a", Role.ADMIN),
    "auditor": Caller("u", Role.AUDITOR),
}
ASKED = {
    "own ward": Subscribe(wards=["north"]),
    "other ward": Subscribe(wards=["south"]),
    "patient in north": Subscribe(patients=["pn"]),
    "patient in south": Subscribe(patients=["ps"]),
    "waveform in south": Subscribe(waveforms=[Strip("ps", "ecg_ii")]),
    "nobody": Subscribe(patients=["nobody"]),
}
MAY = {
    "doctor": {"own ward", "other ward", "patient in north", "patient in south", "waveform in south"},
    "nurse": {"own ward", "patient in north"},
    "nurse with broken glass": {"own ward", "patient in north", "patient in south", "waveform in south"},
    "oncall": {"own ward", "patient in north"},
    "patient": {"patient in north"},
    "integration": {"own ward", "patient in north"},
    "an app that may read observations only": set(),
    "integration without scope": set(),
    "admin": set(),
    "auditor": set(),
}


@pytest.mark.parametrize("who", CALLERS)
def test_the_table_says_who_may_hear_what(who: str) -> None:
    allowed = {asked for asked, wanted in ASKED.items() if words.may(CALLERS[who], wanted, WHERE.get) is None}
    assert allowed == MAY[who]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_are_a_request_or_a_named_refusal(said: bytes | str) -> None:
    assert isinstance(words.read(said), Auth | Subscribe | Refused)


def test_too_much_asked_for_is_refused_by_name() -> None:
    said = words.read(json.dumps({"type": "subscribe", "wards": ["w"] * 300}))
    assert isinstance(said, Refused)
    assert said.code == "too_many"
