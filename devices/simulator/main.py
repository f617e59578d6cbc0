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
from devices.enrolment import Wanted, enrol, enrol_hub
from devices.http import Registry
from devices.hub import Hub, Member
from devices.memory import RESERVED, InUse, Memory
from devices.simulator import people
from devices.simulator.metrics import serve
from devices.simulator.stories import SCENARIOS, story_of
from devices.simulator.ward import Bed, Pace, Slot, rfc3339, slots
from devices.simulator.waveform import Phases
from devices.voice import Voice

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
    parser.add_argument("--seed", type=int, default=2, metavar="S", help="names the people, their devices and their noise; up's ward is 1")
    parser.add_argument("--duration", type=float, default=None, metavar="S", help="seconds; until stopped when left out")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="how much faster bodies and stories live than the clock")
    parser.add_argument("--onset", type=float, default=30.0, metavar="S", help="seconds before the stories begin")
    parser.add_argument("--form", choices=("monitor", "six"), default="monitor", help="six: the same six vitals in every sample")
    parser.add_argument("--ledger", type=Path, default=None, metavar="FILE", help="writes a line for each sample: device, number, readings")
    parser.add_argument("--waveforms", type=int, default=0, metavar="N", help="the first N beds send ECG, pulse and breath as curves too")
    parser.add_argument("--hub", type=int, default=0, metavar="N", help="the last N beds speak through one hub")
    parser.add_argument("--tls", action="store_true", help="the encrypted listener also where a plain one is open")
    return parser.parse_args(given)


def registered(options: argparse.Namespace, where: endpoints.Endpoints, memory: Memory) -> list[str]:
    """Registers what is missing; the names of the devices, one a patient, in the order of the beds."""
    registry = Registry(where.http, where.account("admin"))
    since, hub = rfc3339(now_ms() - DAY_MS), hub_name(options)
    wanted = []
    try:
        if options.hub and hub not in memory.known:
            registry.ward(*people.ward_of(0))
            enrol_hub(registry, memory, hub, people.ward_of(0)[0])
        for place in range(options.patients):
            story = story_of(options.scenario, place)
            who = people.person(place, story, options.seed)
            if place < options.patients - options.hub:
                wanted.append(Wanted(f"{who.mrn}/monitor", who, since))
            else:
                wanted.append(Wanted(f"{who.mrn}/behind-hub", who, since, "wearable", memory.known[hub].device))
        if any(w.name not in memory.known or not memory.known[w.name].assigned for w in wanted):
            for ward, name in {people.ward_of(place): None for place in range(options.patients)}:
                registry.ward(ward, name)
            enrol(registry, memory, wanted)
            registry.patient_account(memory.known[wanted[0].name].patient)
    finally:
        registry.close()
    return [w.name for w in wanted]


def hub_name(options: argparse.Namespace) -> str:
    """How the memory calls the hub."""
    return f"SIM-{options.seed}/hub"


def now_ms() -> int:
    """ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def open_ward(options: argparse.Namespace, account: Account) -> tuple[list[Bed], list[Hub], Memory]:
    """The beds, registered, with their devices, and their hub, not yet connected."""
    where = endpoints.read(options.data_dir)
    memory = Memory(options.data_dir / "simulator.json", f"SIM-{options.seed}/", f"SIM-{options.seed}-")
    memory.claim()
    boxes = options.data_dir / "outbox"
    boxes.mkdir(mode=0o700, exist_ok=True)
    at = mqtt.door(where.mqtt, options.tls)
    beds, hubs = [], list[Hub]()
    names = registered(options, where, memory)
    if options.hub:
        known = memory.known[hub_name(options)]
        hubs.append(Hub(at, known, account, boxes / f"{known.device}.jsonl"))
    for place, name in enumerate(names):
        known = memory.known[name]
        own = place < options.patients - options.hub
        voice: Voice = Device(at, known, account, boxes / f"{known.device}.jsonl") if own else Member(hubs[0], known)
        beds.append(Bed(story_of(options.scenario, place), voice, waves=Phases() if own and place < options.waveforms else None))
    return beds, hubs, memory


async def play(ward: Sequence[Slot], pace: Pace, duration_s: float | None, stop: asyncio.Event) -> None:
    """Turns the slots one after another, evenly over the period of the fastest, until the duration is over or `stop` is set."""
    began, period_s, due_s, i = time.monotonic(), pace.period_s, 0.0, 0
    while not stop.is_set():
        elapsed = time.monotonic() - began
        if duration_s is not None and elapsed >= duration_s:
            return
        if elapsed < due_s:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), due_s - elapsed)
            continue
        if i == 0:
            period_s = min(pace.period_s, *(slot.period_s for slot in ward))
        ward[i].turn(now_ms(), elapsed, period_s)
        i, due_s = (i + 1) % len(ward), due_s + period_s / len(ward)
        await asyncio.sleep(0)


async def settled(beds: Sequence[Bed], voices: Sequence[Voice | Hub]) -> None:
    """Waits, not for ever, until every message is acknowledged and every outbox empty."""
    until = time.monotonic() + _SETTLE_S
    for bed in beds:
        bed.device.away = False
    while any(voice.unsettled for voice in voices) and time.monotonic() < until:
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
    some, hubs, memory = await asyncio.to_thread(open_ward, options, account)
    beds += some
    voices: list[Voice | Hub] = [*(bed.device for bed in beds), *hubs]
    pace = Pace(1.0 / options.rate, options.speed, options.onset, options.form)
    lives = [asyncio.create_task(voice.live()) for voice in voices]
    numbers = asyncio.create_task(keep_numbers(memory, account))
    sys.stderr.write(f"process=simulator event=started devices={len(beds)} scenario={options.scenario}\n")
    await play(slots(beds, pace, options.seed), pace, options.duration, stop)
    await settled(beds, voices)
    numbers.cancel()
    waiting = sum(voice.waiting for voice in voices)
    await asyncio.gather(*(bed.device.leave() for bed in beds))
    await asyncio.gather(*(hub.leave() for hub in hubs))
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
    if not 0 <= options.hub <= options.patients or options.waveforms < 0:
        raise SystemExit("--hub must be between 0 and --patients, --waveforms not below 0")
    try:
        asyncio.run(run(options))
    except InUse as error:
        raise SystemExit(f"{error}; --seed names others") from None
    return 0
