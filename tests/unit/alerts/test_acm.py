"""IHE ACM: one message a change of state, as CLINICAL's codes say it."""

import hl7
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.acm import Said, message, phase, said
from alerts.findings import raised
from alerts.mllp import code
from tests.unit.alerts.stories import T0, finding
from vitals.alert import Alert, State
from vitals.finding import Priority
from vitals.registry import VITALS, Vital

ALERT: Alert = raised(finding(evidence={"value": 151.0, "worst": 152.0, "limit": 140.0}), T0 + 100, 0, "4").alert


def having(**fields: object) -> Alert:
    """The alert with these fields."""
    return msgspec.structs.replace(ALERT, version=1, **fields)


def read(alert: Alert, event: str = "start") -> hl7.Message:
    """The message as the hl7 library reads it."""
    return hl7.parse(message(alert, event, T0))


@pytest.mark.parametrize(
    ("before", "state", "priority", "event"),
    [
        (None, "active", "high", "start"), (Said("active", "high"), "active", "high", None),
        (Said("active", "high"), "acknowledged", "high", "update"), (Said("active", "high"), "returned", "high", "end"),
        (Said("active", "high"), "closed", "high", "end"),
        (Said("active", "medium"), "active", "high", "escalate"), (Said("active", "high"), "active", "low", "de-escalate"),
        (Said("active", "high"), "shelved", "high", "update"), (Said("suppressed", "high"), "active", "high", "update"),
    ],
)  # fmt: skip
def test_a_change_has_its_phase_and_no_change_has_none(before: Said | None, state: State, priority: Priority, event: str | None) -> None:
    assert phase(having(state=state, priority=priority), before) == event


def test_a_high_heart_rate_is_an_event_high_of_high_priority_and_physiological() -> None:
    made = read(having())
    obx = made.segments("OBX")
    assert str(made.segment("MSH")[9]) == "ORU^R40^ORU_R40"
    assert str(made.segment("OBR")[4]) == "196616^MDC_EVT_ALARM^MDC"
    assert (str(obx[0][5]).split("^")[0], str(obx[0][8])) == ("196648", "H~PH~SP")
    assert [str(obx[1][n]) for n in (3, 5, 6)] == ["147842^MDC_ECG_HEART_RATE^MDC", "151", "264864^MDC_DIM_BEAT_PER_MIN^MDC"]
    assert [str(segment[5]) for segment in obx[2:]] == ["start", "active", "enabled"]


@pytest.mark.parametrize(
    ("evidence", "event", "abnormality"),
    [
        ({"side": "low", "value": 75.0, "limit": 54.0, "in_min": 12.0}, "196670", "L"),
        ({"side": "high", "value": 240.0, "limit": 400.0, "in_min": 12.0}, "196648", "H"),
        ({"side": "low", "value": 180.0, "per_min": -3.1}, "196670", "L"),
        ({"side": "high", "worst": 8.0, "lowest": 8, "highest": 16}, "196648", "H"),
        ({"lowest": 3, "highest": 11}, "196616", "A"),
        ({"value": 40.0, "limit": 54.0}, "196670", "L"),
    ],
    ids=["glucose will be low", "glucose will be high", "falls fast", "NEWS2 of 7", "one parameter at 3", "told before sides were"],
)
def test_the_event_is_of_the_conditions_side_and_else_of_the_values(evidence: dict[str, float], event: str, abnormality: str) -> None:
    obx = read(having(evidence=evidence, subject="glucose")).segments("OBX")[0]
    assert (str(obx[5]).split("^")[0], str(obx[8]).split("~")[0]) == (event, abnormality)


@pytest.mark.parametrize("vital", [v for v in VITALS if v.mdc], ids=lambda v: v.name)
def test_a_vital_and_its_unit_go_by_the_names_of_the_standard(vital: Vital) -> None:
    obx = read(having(evidence={"value": 1.0}, subject=vital.name)).segments("OBX")[1]
    names = [str(obx[n]).split("^")[1] for n in (3, 6)]
    assert [name[: len(start)] for name, start in zip(names, ("MDC_", "MDC_DIM_"), strict=True)] == ["MDC_", "MDC_DIM_"]


def test_a_low_technical_one_says_so() -> None:
    made = read(having(alert_class="technical", priority="low", evidence={}, subject="dev-1"), "update")
    assert str(made.segments("OBX")[0][8]) == "A~PL~ST"


@pytest.mark.parametrize(
    ("state", "said_so"),
    [
        ("active", ["active", "enabled"]), ("acknowledged", ["active", "audio-paused"]), ("returned", ["latched", "enabled"]),
        ("shelved", ["active", "alarm-paused"]), ("suppressed", ["inactive", "alarm-paused"]), ("closed", ["inactive", "enabled"]),
    ],
)  # fmt: skip
def test_each_state_has_its_alarm_and_inactivation_state(state: State, said_so: list[str]) -> None:
    assert [str(segment[5]) for segment in read(having(state=state)).segments("OBX")[-2:]] == said_so


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_breaks_the_message(title: str, ward: str) -> None:
    text = message(having(title=title, ward=ward), "start", T0)
    assert text.count("\r") == 9
    assert [segment.split("|")[0] for segment in text.split("\r")[:-1]] == ["MSH", "PID", "PV1", "OBR", *["OBX"] * 5]


def test_what_was_said_is_state_and_priority() -> None:
    assert said(ALERT) == Said("active", "high")


@pytest.mark.parametrize(
    ("answer", "is_"),
    [(b"\x0bMSH|^~\\&|\rMSA|AA|1\r\x1c\r", "AA"), (b"\x0bMSH|\rMSA|CE|1\x1c\r", "AE"), (b"junk", "AR"), (b"\x0bMSA\r\x1c\r", "AR")],
)
def test_an_acknowledgement_says_yes_no_or_never(answer: bytes, is_: str) -> None:
    assert code(answer) == is_
