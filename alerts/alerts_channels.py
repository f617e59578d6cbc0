"""Which channels this process has, by its settings: the wiring of the adapters by their names."""

from dataclasses import dataclass

from alerts.escalation import Contact
from alerts.notice import Channel, Notice, Result
from alerts.shapes import alertmanager, opsgenie, pagerduty
from alerts.smtp import Mail, MailServer, mail_server
from alerts.webhook import Shaped, Webhook
from vitals.settings import Secret, setting

PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
OPSGENIE = "https://api.opsgenie.com/v2/alerts"


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """The channels' environment."""

    webhook_url: str = setting("VIGIL_WEBHOOK_URL", str, "where every page goes that no ladder sends elsewhere (none: nowhere)", "")
    webhook_secret: Secret = setting("VIGIL_WEBHOOK_SECRET", Secret, "the secret that signs webhooks", "")
    mail: MailServer | None = setting("VIGIL_SMTP", mail_server, "the mail server, smtp[s]://[user:password@]host[:port]", "")
    mail_from: str = setting("VIGIL_SMTP_FROM", str, "the address that mails come from", "vigil@localhost")
    pagerduty: str = setting("VIGIL_PAGERDUTY_URL", str, "where PagerDuty's events go", PAGERDUTY)
    opsgenie: str = setting("VIGIL_OPSGENIE_URL", str, "where Opsgenie's alerts go", OPSGENIE)


def channels(settings: ChannelSettings) -> dict[str, Channel]:
    """Channel name -> the adapter that serves it."""
    found: dict[str, Channel] = {
        "webhook": Webhook(settings.webhook_url, settings.webhook_secret),
        "pagerduty": Shaped(pagerduty, settings.pagerduty),
        "opsgenie": Shaped(opsgenie, settings.opsgenie),
        "alertmanager": Shaped(alertmanager),
        "apprise": _apprise,
    }
    return found if settings.mail is None else found | {"smtp": Mail(settings.mail, settings.mail_from)}


def site_contacts(settings: ChannelSettings) -> tuple[Contact, ...]:
    """Who is called where no ladder answers."""
    return (Contact("webhook"),) if settings.webhook_url else ()


def _apprise(address: str, notice: Notice) -> Result:
    from alerts.apprise import send

    return send(address, notice)
