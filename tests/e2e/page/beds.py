"""A ward of one test's own on the site: one patient who says what the test tells, and one account that sees the ward."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page

from tests.e2e.page.site import Site


class Bed:
    """A ward of one test's own, with one patient and one nurse."""

    def __init__(self, site: Site, role: str = "nurse") -> None:
        self.site, self.ward = site, f"w{uuid.uuid4().hex[:8]}"
        self.patient = site.admitted(self.ward, "7", "Ada Moreau")
        self.user = f"u{uuid.uuid4().hex[:8]}"
        site.person(self.user, role, (self.ward,) if role == "nurse" else (), self.patient if role == "patient" else None)

    def says(self, hr: float, **more: float | None) -> None:
        self.site.sample(self.patient, hr=hr, **({"spo2": 97, "rr": 16, "sbp": 121, "dbp": 78, "temp": 36.8} | more))

    @contextmanager
    def beating(self, hr: float) -> Iterator[None]:
        """A sample every 300 ms while within."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(0.3):
                self.says(hr)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(10)

    def value(self, page: Page, vital: str) -> Any:
        return page.locator(f'[data-patient="{self.patient}"] [data-vital="{vital}"]')
