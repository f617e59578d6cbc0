"""The quotas of a device as a site sets them, the same at every door. Where the sender waits for an answer nothing is kept waiting here."""

from dataclasses import dataclass

from ingest.quota import Limits
from vitals.settings import positive_int, setting


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """What every door reads of them."""

    quota_rate: int = setting("VIGIL_QUOTA_RATE", positive_int, "messages a second that one device may send for ever", "100")
    quota_burst: int = setting("VIGIL_QUOTA_BURST", positive_int, "messages that one device may send at once", "6000")
    quota_kb_rate: int = setting("VIGIL_QUOTA_KB_RATE", positive_int, "kilobytes a second that one device may send for ever", "1024")
    quota_kb_burst: int = setting("VIGIL_QUOTA_KB_BURST", positive_int, "kilobytes that one device may send at once", "32768")
    quota_waiting: int = setting("VIGIL_QUOTA_WAITING", positive_int, "messages beyond its quota that one device may have waiting", "500")
    quota_waiting_all: int = setting("VIGIL_QUOTA_WAITING_ALL", positive_int, "the same of all devices together", "2000")
    quota_hub: int = setting("VIGIL_QUOTA_HUB", positive_int, "how many devices' quotas a hub has", "20")

    @property
    def limits(self) -> Limits:
        """The quotas of a device."""
        return Limits(
            rate=float(self.quota_rate),
            burst=float(self.quota_burst),
            byte_rate=self.quota_kb_rate * 1024.0,
            byte_burst=self.quota_kb_burst * 1024.0,
            waiting=self.quota_waiting,
            waiting_in_all=self.quota_waiting_all,
            hub=self.quota_hub,
        )
