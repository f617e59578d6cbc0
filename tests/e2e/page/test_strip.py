"""The live ECG: chunks said over MQTT are swept over the patient's page, and stop being live when they stop."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.visits import enter, shot
from tests.e2e.walk import WELL, Walk, at, sample
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
RATE = 250
INK = """c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i]) n++; return n / (d.length / 4); }"""


def test_an_ecg_over_mqtt_is_swept_and_greys_when_it_stops(walk: Walk, page: Page) -> None:
    walk.bench.say(sample(52, at(), **WELL))
    enter(page, walk.vigil, "doctor")
    page.goto(f"{walk.vigil.endpoints['http']}/patients/{walk.patient}")
    strip = page.locator('[data-strip="ecg_ii"]')
    with streaming(walk):
        expect(strip).to_be_visible(timeout=30_000)
        wait_for(lambda: strip.locator("canvas").evaluate(INK) > 0.005, 60, "the curve on the canvas")
        shot(page, "live-ecg")
    expect(strip).to_contain_text("stopped", timeout=30_000)


@contextmanager
def streaming(walk: Walk) -> Iterator[None]:
    """A second of lead II each second, while within."""
    over = Event()

    def stream() -> None:
        seq, beat = int(time.time()), second()
        while not over.wait(1.0):
            seq += 1
            chunk = {"seq": seq, "observed_at": at(-1.0), "channel": "ecg_ii", "rate_hz": RATE, "unit": "mV", "samples": beat}
            walk.bench.say(json.dumps(chunk).encode(), walk.bench.topics["waveform"])

    thread = Thread(target=stream, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def second() -> list[float]:
    """One beat a second."""
    beat = [0.0] * RATE
    for i, value in enumerate((0.1, 0.12, 0.1, 0, -0.1, 0.5, 1.1, 0.4, -0.25, -0.1, 0)):
        beat[60 + i] = value
    for i in range(40):
        beat[120 + i] = 0.3 * (1 - abs(i - 20) / 20)
    return beat
