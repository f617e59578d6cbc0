"""What devices are still to hear is told a few at a time, oldest first, and what cannot be told is counted."""

import json

from ingest.gather import Message, Refused, refusal
from ingest.notice import AT_ONCE, MOST, Notices
from ingest.wire import Fault
from vitals.refusal import Reason


def refusals(n: int, topic: bytes = b"vigil/v1/dev-1/vitals") -> list[Refused]:
    message = Message(topic, b"{}", 0)
    return [Refused(0, refusal(message, Fault(Reason.TOO_LARGE, "over", seq=k), b"{}", "dev-1")) for k in range(n)]


def test_of_many_refusals_a_few_are_told_at_a_time_and_all_in_the_end() -> None:
    told: list[int] = []

    def tell(_topic: str, payload: bytes) -> bool:
        told.append(json.loads(payload)["seq"])
        return True

    notices = Notices(tell)
    notices.add(refusals(AT_ONCE + 3))
    notices.some()
    first = len(told)
    notices.some()
    assert (first, told, len(notices), notices.dropped) == (AT_ONCE, list(range(AT_ONCE + 3)), 0, 0)


def test_what_the_broker_does_not_take_is_counted() -> None:
    notices = Notices(lambda *_: False)
    notices.add(refusals(3))
    notices.some()
    assert (len(notices), notices.dropped) == (0, 3)


def test_what_nobody_can_be_told_and_what_there_is_no_room_for_is_counted() -> None:
    notices = Notices(lambda *_: True)
    notices.add([*refusals(1, b"vigil/v1/elsewhere"), *refusals(MOST + 2)])
    assert (len(notices), notices.dropped) == (MOST, 3)
