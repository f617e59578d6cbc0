"""`python -m devices.simulator`: simulated patients whose devices speak over real MQTT connections.

In: DIR/endpoints.json of a running Vigil. Out: registered wards, patients and devices; samples over MQTT; at the end the account on
stdout. DIR/simulator.json (0600) keeps ids, secrets and sample numbers: a later run goes on with the same devices. Ctrl-C and SIGTERM
stop it cleanly: no new samples, then every acknowledgement is waited for; what cannot be sent stays in DIR/outbox for the next run.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from devices import endpoints, mqtt
from devices.account import Account
from devices.device import Device
from devices.enrolment import Wanted, enrol
from devices.http import Registry
from devices.memory import RESERVED, Memory
from devices.simulator import people
from devices.simulator.metrics import serve
from devices.simulator.stories import SCENARIOS, story_of
from devices.simulator.ward import Bed, Pace, Slot, rfc3339, slots

DAY_MS = 86_400_000
_SETTLE_S = 20.0
_SAVE_S = 10.0


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="vigil simulate", description="Simulated devices, over MQTT like real ones.")
    parser.add_argument("--data-dir", type=Path, default=Path(".vigil"), help="the folder of a running Vigil")
    parser.add_argument("--patients", type=int, default=24, metavar="N")
    parser.add_argument("--rate", type=float, default=1.0, metavar="HZ", help="samples a second and device")
    parser.add_argument("--scenario", choices=SCENARIOS, default="ward")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--duration", type=float, default=None, metavar="S", help="seconds; until stopped when left out")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="how much faster bodies and stories live than the clock")
    parser.add_argument("--onset", type=float, default=30.0, metavar="S", help="seconds before the stories begin")
    parser.add_argument("--form", choices=("monitor", "six"), default="monitor", help="six: the same six vitals in every sample")
    parser.add_argument("--ledger", type=Path, default=None, metavar="FILE", help="writes a line for each sample: device, number, readings")
    parser.add_argument("--tls", action="store_true", help="the encrypted listener also where a plain one is open")
    return parser.parse_args(given)


def registered(options: argparse.Namespace, where: endpoints.Endpoints, memory: Memory) -> list[str]:
    """Registers what is missing; the names of the devices, one a patient, in the order of the beds."""
    registry = Registry(where.http, where.account("admin"))
    since = rfc3339(now_ms() - DAY_MS)
    wanted = []
    for place in range(options.patients):
        story = story_of(options.scenario, place)
        who = people.person(place, story, options.seed)
        wanted.append(Wanted(f"{who.mrn}/monitor", who, since))
    try:
        if any(w.name not in memory.known or not memory.known[w.name].assigned for w in wanted):
            for ward, name in {people.ward_of(place): None for place in range(options.patients)}:
                registry.ward(ward, name)
            enrol(registry, memory, wanted)
            registry.patient_account(memory.known[wanted[0].name].patient)
    finally:
        registry.close()
    return [w.name for w in wanted]


def now_ms() -> int:
    """ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def open_ward(options: argparse.Namespace, account: Account) -> tuple[list[Bed], Memory]:
    """The beds, registered, with their devices not yet connected."""
    where = endpoints.read(options.data_dir)
    memory = Memory(options.data_dir / "simulator.json")
    boxes = options.data_dir / "outbox"
    boxes.mkdir(mode=0o700, exist_ok=True)
    at = mqtt.door(where.mqtt, options.tls)
    beds = []
    for place, name in enumerate(registered(options, where, memory)):
        known = memory.known[name]
        beds.append(Bed(story_of(options.scenario, place), Device(at, known, account, boxes / f"{known.device}.jsonl")))
    return beds, memory


async def play(ward: Sequence[Slot], pace: Pace, duration_s: float | None, stop: asyncio.Event) -> None:
    """Turns the slots one after another, evenly over the period, until the duration is over or `stop` is set."""
    began, pause, i = time.monotonic(), pace.period_s / len(ward), 0
    while not stop.is_set():
        elapsed = time.monotonic() - began
        if duration_s is not None and elapsed >= duration_s:
            return
        if elapsed < i * pause:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), i * pause - elapsed)
            continue
        ward[i % len(ward)].turn(now_ms(), elapsed)
        i += 1
        await asyncio.sleep(0)


async def settled(beds: Sequence[Bed]) -> None:
    """Waits, not for ever, until every message is acknowledged and every outbox empty."""
    until = time.monotonic() + _SETTLE_S
    for bed in beds:
        bed.device.away = False
    while any(bed.device.unsettled for bed in beds) and time.monotonic() < until:
        await asyncio.sleep(0.1)


async def keep_numbers(memory: Memory, account: Account) -> None:
    """Writes the sample numbers down now and then, some ahead, and the ledger."""
    while True:
        account.flush()
        await asyncio.to_thread(memory.save, RESERVED)
        await asyncio.sleep(_SAVE_S)


async def run(options: argparse.Namespace) -> Account:
    """The whole simulation."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    account = Account(ledger=options.ledger.open("a") if options.ledger else None)
    beds: list[Bed] = []
    if options.metrics_port is not None:
        serve(options.metrics_port, account, lambda: (sum(bed.device.up for bed in beds), len(beds)))
    some, memory = await asyncio.to_thread(open_ward, options, account)
    beds += some
    pace = Pace(1.0 / options.rate, options.speed, options.onset, options.form)
    lives = [asyncio.create_task(bed.device.live()) for bed in beds]
    numbers = asyncio.create_task(keep_numbers(memory, account))
    sys.stderr.write(f"process=simulator event=started devices={len(beds)} scenario={options.scenario}\n")
    await play(slots(beds, pace, options.seed), pace, options.duration, stop)
    await settled(beds)
    numbers.cancel()
    waiting = sum(bed.device.waiting for bed in beds)
    await asyncio.gather(*(bed.device.leave() for bed in beds))
    for life in lives:
        life.cancel()
    memory.save()
    account.flush()
    print("\n".join(account.lines(waiting)), flush=True)
    return account


def main(given: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs until told to stop."""
    options = arguments(given)
    options.metrics_port = int(environ["VIGIL_METRICS_PORT"]) if environ.get("VIGIL_METRICS_PORT") else None
    if options.patients < 1 or options.rate <= 0 or options.speed <= 0:
        raise SystemExit("--patients, --rate and --speed must be above 0")
    asyncio.run(run(options))
    return 0
