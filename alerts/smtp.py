"""The mail channel, by smtplib: one short message, the page's key as its Message-ID, so that a repeat is seen to be one.

5xx refused; 4xx, a timeout or a broken connection: again later.
"""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from alerts.notice import Notice, Result, subject, text
from vitals.settings import Secret

TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class MailServer:
    """`smtp://` (STARTTLS where offered) or `smtps://`, with the account where it needs one."""

    host: str
    port: int
    username: str
    password: Secret
    tls: bool


def mail_server(address: str) -> MailServer | None:
    """Parses `smtp[s]://[user:password@]host[:port]`; nothing is None."""
    if not address:
        return None
    url = urlsplit(address)
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise ValueError("expected smtp[s]://[user:password@]host[:port]")
    tls = url.scheme == "smtps"
    return MailServer(url.hostname, url.port or (465 if tls else 25), unquote(url.username or ""), Secret(unquote(url.password or "")), tls)


class Mail:
    """Sends notices from one address."""

    def __init__(self, server: MailServer, sender: str, timeout_s: float = TIMEOUT_S) -> None:
        self._server, self._sender, self._timeout_s = server, sender, timeout_s

    def __call__(self, address: str, notice: Notice) -> Result:
        """One attempt."""
        message = self._message(address, notice)  # an address that none can be made for opens no connection
        try:
            with self._connected() as connection:
                connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            return _judged(max(code for code, _ in error.recipients.values()))
        except smtplib.SMTPResponseException as error:
            return _judged(error.smtp_code)
        except (OSError, smtplib.SMTPException) as error:
            return Result("retry", type(error).__name__)
        return Result("delivered")

    def _connected(self) -> smtplib.SMTP:
        server, context = self._server, ssl.create_default_context()
        if server.tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=self._timeout_s, context=context)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._timeout_s)
            connection.ehlo()
            if connection.has_extn("starttls"):
                connection.starttls(context=context)
        if server.username:
            connection.login(server.username, server.password)
        return connection

    def _message(self, address: str, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, address, subject(notice)
        message["Message-ID"] = f"<{notice.key}@vigil>"
        message["X-Priority"] = "1" if notice.priority == "high" else "3"
        message.set_content(text(notice))
        return message


def _judged(code: int) -> Result:
    return Result("retry" if 400 <= code < 500 else "refused", f"status {code}")
