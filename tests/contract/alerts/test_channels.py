"""Every channel keeps the port's promise on a real receiver: a value whatever happens, the same key in every attempt, no patient data."""

import json
from collections.abc import Iterator
from email.message import Message
from typing import Any

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from alerts.alerts_channels import ChannelSettings, channels
from alerts.notice import Channel, Notice, Result
from alerts.shapes import alertmanager, opsgenie, pagerduty
from alerts.smtp import Mail, MailServer, mail_server
from alerts.webhook import Shaped, Webhook, retry_after, signature
from deploy.parts.running import free_port
from tests.integration.alerts.stage import Receiver
from vitals.settings import Secret, read

KEY = "5e7c66c1-9c3b-4ef0-8d6f-0a3c4b1e2f00"
NOTICE = Notice(key=KEY, kind="raised", priority="high", ward="north", bed="4", link="https://v.example/p/tok", sent_at=1_800_000_000_000)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def made(name: str, receiver: Receiver, wait_s: float = 30.0) -> tuple[Channel, str]:
    """The channel and the address by which it reaches the receiver."""
    return {
        "webhook": (Webhook(receiver.url, "s", wait_s), ""),
        "pagerduty": (Shaped(pagerduty, receiver.url, wait_s), "routing"),
        "opsgenie": (Shaped(opsgenie, receiver.url, wait_s), "key"),
        "alertmanager": (Shaped(alertmanager, "", wait_s), receiver.url),
    }[name]


HTTP = ("webhook", "pagerduty", "opsgenie", "alertmanager")


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, Result("delivered")), (202, Result("delivered")), (429, Result("retry", "status 429", 7_000)),
        (500, Result("retry", "status 500", 7_000)), (503, Result("retry", "status 503", 7_000)), (400, Result("refused", "status 400")),
        (404, Result("refused", "status 404")), (-1, Result("retry", "ReadTimeout")),
    ],
)  # fmt: skip
def test_an_answer_means_the_same_to_every_http_channel(name: str, status: int, result: Result, receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [status], {"retry-after": "7"}
    channel, address = made(name, receiver, 0.5 if status == -1 else 30.0)
    assert channel(address, NOTICE) == result


@pytest.mark.parametrize("name", HTTP)
def test_nobody_listening_is_a_reason_to_try_again(name: str, receiver: Receiver) -> None:
    channel, address = made(name, receiver)
    receiver.close()
    assert channel(address, NOTICE).outcome == "retry"


@pytest.mark.parametrize("name", HTTP)
def test_every_attempt_carries_the_same_key(name: str, receiver: Receiver) -> None:
    channel, address = made(name, receiver)
    _ = [channel(address, NOTICE) for _ in range(2)]
    assert [headers["idempotency-key"] for headers, _, _ in receiver.got] == [KEY, KEY]


def test_an_address_that_is_none_is_refused() -> None:
    assert Webhook("", "s")("ftp://nowhere", NOTICE).outcome == "refused"


def test_a_webhook_is_signed_over_its_time_and_body(receiver: Receiver) -> None:
    Webhook(receiver.url, "secret")("", NOTICE)
    headers, _, body = receiver.got[0]
    assert headers["x-vigil-signature"] == signature("secret", str(NOTICE.sent_at), body)


def sent(name: str, receiver: Receiver, kind: str = "raised") -> Any:
    """The body that this channel sends."""
    channel, address = made(name, receiver)
    channel(address, msgspec.structs.replace(NOTICE, kind=kind))
    return receiver.got[0][1]


def test_pagerduty_is_given_an_events_v2_trigger(receiver: Receiver) -> None:
    body = sent("pagerduty", receiver)
    said = (body["routing_key"], body["event_action"], body["dedup_key"], body["payload"]["severity"], body["payload"]["summary"])
    assert said == ("routing", "trigger", KEY, "critical", "HIGH north bed 4: Alert")


def test_opsgenie_is_given_an_alert_with_the_key_as_alias(receiver: Receiver) -> None:
    body = sent("opsgenie", receiver)
    assert (body["alias"], body["priority"], receiver.got[0][0]["authorization"]) == (KEY, "P1", "GenieKey key")


@pytest.mark.parametrize(("kind", "action"), [("acknowledged", "acknowledge"), ("resolved", "resolve")])
def test_pagerduty_is_told_under_the_same_key_what_became_of_it(kind: str, action: str, receiver: Receiver) -> None:
    body = sent("pagerduty", receiver, kind)
    assert body == {"routing_key": "routing", "dedup_key": KEY, "event_action": action}


@pytest.mark.parametrize(("kind", "verb"), [("acknowledged", "acknowledge"), ("resolved", "close")])
def test_opsgenie_is_told_at_the_alias_what_became_of_it(kind: str, verb: str, receiver: Receiver) -> None:
    sent("opsgenie", receiver, kind)
    assert receiver.paths == [f"/page/{KEY}/{verb}?identifierType=alias"]


def test_alertmanagers_receivers_are_told_that_it_is_over(receiver: Receiver) -> None:
    body = sent("alertmanager", receiver, "resolved")
    assert (body["status"], body["alerts"][0]["status"], body["alerts"][0]["endsAt"][:4]) == ("resolved", "resolved", "2027")


def test_alertmanagers_receivers_are_given_its_version_4(receiver: Receiver) -> None:
    body = sent("alertmanager", receiver)
    assert (body["version"], body["alerts"][0]["status"], body["alerts"][0]["labels"]["severity"]) == ("4", "firing", "critical")


@pytest.mark.parametrize(
    ("text", "ms"),
    [(None, None), ("3", 3_000), ("soon", None), ("Fri, 15 Jan 2027 08:00:05 GMT", 5_000), ("Fri, 15 Jan 2027 07:00:00 GMT", 0)],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, ms: int | None) -> None:
    assert retry_after(text, 1_800_000_000_000) == ms


class Post:
    """A mail server's handler that answers as told."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.answer = ""

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if self.answer:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        import email

        self.got.append(email.message_from_bytes(envelope.original_content or b""))
        return "250 OK"


@pytest.fixture
def post() -> Iterator[tuple[Post, Mail]]:
    handler = Post()
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port, ready_timeout=60.0)
    controller.start()
    yield handler, Mail(MailServer("127.0.0.1", port, "", Secret(""), False), "vigil@hospital.example", 30.0)
    controller.stop()


def test_a_mail_names_ward_bed_and_link_and_its_key(post: tuple[Post, Mail]) -> None:
    handler, mail = post
    assert mail("dora@hospital.example", NOTICE) == Result("delivered")
    (message,) = handler.got
    body = str(message.get_payload())
    assert (message["Subject"], message["Message-ID"]) == ("HIGH north bed 4: Alert", f"<{KEY}@vigil>")
    assert "https://v.example/p/tok" in body


@pytest.mark.parametrize(("answer", "outcome"), [("451 later", "retry"), ("550 nobody", "refused")])
def test_a_mail_server_says_later_or_never(answer: str, outcome: str, post: tuple[Post, Mail]) -> None:
    handler, mail = post
    handler.answer = answer
    assert mail("dora@hospital.example", NOTICE).outcome == outcome


def test_no_mail_server_is_a_reason_to_try_again() -> None:
    assert Mail(MailServer("127.0.0.1", 1, "", Secret(""), False), "a@b", 0.5)("c@d", NOTICE).outcome == "retry"


@pytest.mark.parametrize("text", ["http://x", "smtp://", "mail"])
def test_a_wrong_mail_server_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="expected smtp"):
        mail_server(text)


def test_apprise_posts_to_what_its_address_names(receiver: Receiver) -> None:
    apprise = channels(read(ChannelSettings, {}))["apprise"]
    result = apprise(receiver.url.replace("http://", "json://"), NOTICE)
    assert (result, json.loads(receiver.got[0][2])["title"]) == (Result("delivered"), "HIGH north bed 4: Alert")


def test_apprise_refuses_what_it_cannot_read() -> None:
    assert channels(read(ChannelSettings, {}))["apprise"]("nonsense", NOTICE).outcome == "refused"
