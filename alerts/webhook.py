"""The webhook channel, by httpx: a signed POST of the notice.

Headers: `Idempotency-Key` the page's key, the same in every attempt; `X-Vigil-Timestamp` ms; `X-Vigil-Signature` `sha256=` and the hex
HMAC-SHA-256 of timestamp, a dot, and the body under the shared secret. A receiver that honours the key gets each page once.
2xx delivered; 408, 425, 429, 5xx, a timeout or a broken connection: again later (Retry-After is honoured); else refused.
"""

import hashlib
import hmac
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from alerts.notice import Notice, Result
from alerts.shapes import SETTLED, Shape

TIMEOUT_S = 5.0
AGAIN = frozenset({408, 425, 429})


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The value of X-Vigil-Signature."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def judged(response: httpx.Response, now: int) -> Result:
    """What an answer means. `now` ms, for a Retry-After that is a date."""
    if response.is_success:
        return Result("delivered")
    if response.status_code in AGAIN or response.is_server_error:
        return Result("retry", f"status {response.status_code}", retry_after(response.headers.get("retry-after"), now))
    return Result("refused", f"status {response.status_code}")


def retry_after(text: str | None, now: int) -> int | None:
    """RFC 9110: seconds or a date, as ms from now; None where it says nothing usable."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return int(text) * 1000
    try:
        return max(0, round(parsedate_to_datetime(text).timestamp() * 1000) - now)
    except (ValueError, TypeError):
        return None


class Webhook:
    """Posts notices to a URL; `url` is used where the address is empty."""

    def __init__(self, url: str, secret: str, timeout_s: float = TIMEOUT_S) -> None:
        self._url, self._secret = url, secret
        self._client = httpx.Client(timeout=timeout_s, trust_env=False)

    def __call__(self, address: str, notice: Notice) -> Result:
        """One attempt."""
        body, timestamp = msgspec.json.encode(notice), str(notice.sent_at)
        headers = {
            "content-type": "application/json", "idempotency-key": notice.key, "x-vigil-timestamp": timestamp,
            "x-vigil-signature": signature(self._secret, timestamp, body),
        }  # fmt: skip
        return post(self._client, address or self._url, body, headers, notice.sent_at)

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()


def post(client: httpx.Client, url: str, body: bytes, headers: dict[str, str], now: int) -> Result:
    """One POST; whatever goes wrong is a value."""
    try:
        return judged(client.post(url, content=body, headers=headers), now)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        return Result("refused", type(error).__name__)
    except httpx.HTTPError as error:
        return Result("retry", type(error).__name__)


class Shaped:
    """Posts notices in another pager's shape, to its fixed URL, or to the address where it has none."""

    def __init__(self, shape: Shape, url: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._shape, self._url = shape, url
        self._client = httpx.Client(timeout=timeout_s, trust_env=False)

    def __call__(self, address: str, notice: Notice) -> Result:
        """One attempt."""
        request = self._shape(address, notice)
        again = notice.key if notice.kind not in SETTLED else f"{notice.key}-{notice.kind}"
        headers = request.headers | {"content-type": "application/json", "idempotency-key": again}
        return post(self._client, (self._url or address) + request.path, msgspec.json.encode(request.body), headers, notice.sent_at)
