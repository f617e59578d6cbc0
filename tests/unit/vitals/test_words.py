"""Settings, topics, traces, identities: the small promises of the vocabulary."""

from dataclasses import dataclass

import pytest

from vitals.errors import SettingError
from vitals.finding import finding_id
from vitals.refusal import Reason, Refusal
from vitals.settings import Broker, Secret, broker, flag, port, positive_int, read, setting
from vitals.topics import Topics, partition_of
from vitals.trace import continued, traceparent


@dataclass(frozen=True, slots=True)
class Sample:
    """Settings for the tests."""

    kafka: str = setting("VIGIL_KAFKA", str, "bootstrap host:port")
    workers: int = setting("VIGIL_WORKERS", positive_int, "how many workers", "2")
    password: Secret = setting("VIGIL_PASSWORD", Secret, "the password", "")


def test_settings_come_from_the_mapping_with_their_defaults() -> None:
    assert read(Sample, {"VIGIL_KAFKA": "k:1"}) == Sample("k:1", 2, Secret(""))


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "VIGIL_KAFKA is not set"),
        ({"VIGIL_KAFKA": "k", "VIGIL_WORKERS": "zero"}, "VIGIL_WORKERS='zero': expected a whole number above 0"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        read(Sample, environ)


def test_a_secret_does_not_print_itself() -> None:
    assert "hunter2" not in repr(read(Sample, {"VIGIL_KAFKA": "k", "VIGIL_PASSWORD": "hunter2"}))


@pytest.mark.parametrize(("parse", "text"), [(port, "65536"), (port, "0"), (flag, "maybe"), (broker, "http://x"), (positive_int, "-1")])
def test_a_parser_of_settings_refuses_what_it_cannot_mean(parse, text: str) -> None:  # type: ignore[no-untyped-def] # any of several parsers
    with pytest.raises(ValueError, match="expected"):
        parse(text)


def test_a_broker_address_is_taken_apart() -> None:
    assert broker("mqtts://gate%40way:s3cret@ward.local") == Broker("ward.local", 8883, "gate@way", Secret("s3cret"), True)


def test_a_patients_partition_is_the_same_in_every_process() -> None:
    assert [partition_of(p, 4) for p in ("a", "b", "c", "123")] == [3, 1, 3, 2]


def test_every_topic_has_its_settings() -> None:
    topics = Topics("ward7")
    names = {name for key in vars(Topics) if isinstance(vars(Topics)[key], property) for name in [getattr(topics, key)]}
    assert set(topics.settings()) == names


def test_a_finding_keeps_its_identity_over_repeats() -> None:
    assert finding_id("p", "r", "hr", 5) == finding_id("p", "r", "hr", 5) != finding_id("p", "r", "hr", 6)


def test_the_same_refusal_of_the_same_bytes_is_one() -> None:
    one, again = (
        Refusal(reason=Reason.MALFORMED, detail=d, door="mqtt", source="t", received_at=n, payload=b"x") for d, n in (("a", 1), ("b", 2))
    )
    assert one.identity() == again.identity()


def test_a_trace_goes_on_with_a_new_span() -> None:
    parent = traceparent(bytes(range(24)))
    child = continued(parent, bytes(24))
    assert (child[:36], child[36:52], len(child)) == (parent[:36], b"0" * 16, 55)


@pytest.mark.parametrize("parent", [None, b"", b"00-xyz", b"\xff" * 55])
def test_a_broken_trace_begins_anew(parent: bytes | None) -> None:
    assert continued(parent, bytes(24)) == traceparent(bytes(24))
