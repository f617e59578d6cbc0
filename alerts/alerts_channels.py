"""Which channels this process has, by its settings: the wiring of the adapters by their names."""

from dataclasses import dataclass

from alerts.escalation import Contact
from alerts.notice import Channel
from alerts.webhook import Webhook
from vitals.settings import Secret, setting


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """The channels' environment."""

    webhook_url: str = setting("VIGIL_WEBHOOK_URL", str, "where every page goes that no ladder sends elsewhere (none: nowhere)", "")
    webhook_secret: Secret = setting("VIGIL_WEBHOOK_SECRET", Secret, "the secret that signs webhooks", "")


def channels(settings: ChannelSettings) -> dict[str, Channel]:
    """Channel name -> the adapter that serves it."""
    return {"webhook": Webhook(settings.webhook_url, settings.webhook_secret)}


def site_contacts(settings: ChannelSettings) -> tuple[Contact, ...]:
    """Who is called where no ladder answers."""
    return (Contact("webhook"),) if settings.webhook_url else ()
