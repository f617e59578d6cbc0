"""Chat, SMS and push by Apprise: the address is an Apprise URL (https://github.com/caronc/apprise/wiki).

Apprise says only yes or no and honours no key: a page goes at least once. An address that it cannot read is refused.
"""

import apprise

from alerts.notice import Notice, Result, subject, text

_KINDS = {"high": apprise.NotifyType.FAILURE, "medium": apprise.NotifyType.WARNING, "low": apprise.NotifyType.INFO}


def send(address: str, notice: Notice) -> Result:
    """One attempt."""
    to = apprise.Apprise()
    if not to.add(address):
        return Result("refused", "not an Apprise address")
    sent = to.notify(body=text(notice), title=subject(notice), notify_type=_KINDS[notice.priority])
    return Result("delivered") if sent else Result("retry", "not sent")
