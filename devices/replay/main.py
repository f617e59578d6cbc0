"""`python -m devices.replay FILE`: a recording of real patients, played through the same door as any device's samples.

In: a file of a known format, DIR/endpoints.json of a running Vigil. Out: one patient a stay or record, its devices, their samples over
MQTT; at the end the account, by row, of what the database keeps. DIR/replay.json (0600) remembers devices and time shifts: played a
second time the same samples have the same numbers and times, so nothing changes. `--at now` moves each stay so that it ends now.
"""

import argparse
import asyncio
import csv
import hashlib
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from devices import endpoints, mqtt
from devices.account import Account
from devices.device import Device
from devices.enrolment import Person, Wanted, enrol
from devices.http import Registry
from devices.memory import InUse, Memory
from devices.replay import text, wfdb
from devices.replay.player import play
from devices.replay.recording import Entry, Row, Skipped, entries
from devices.replay.tally import Tally, tally
from devices.simulator.ward import rfc3339
from devices.timescale import archive

Reader = Callable[[Path, Skipped], Iterator[Row]]
FORMATS: Mapping[str, Reader] = {
    "csv": text.plain,
    "wfdb": wfdb.rows,
    "challenge2012": text.challenge2012,
    "mimic3": text.mimic3,
    "dexcom": text.dexcom,
}
UNREADABLE = (OSError, EOFError, zlib.error, csv.Error, LookupError, ValueError, TypeError, AttributeError, OverflowError)
"""What a reader may raise over a file that is not of its format: short lines, no numbers, no gzip, times beyond the calendar."""
WARD = "replay"
STAYS_AT_ONCE = 100
HOUR_MS = 3_600_000
_PATIENCE_S = 120.0


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="vigil replay", description="A recording, played through the devices' door.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--format", choices=tuple(FORMATS), default="csv")
    parser.add_argument("--speed", default="1", help="how much faster than it was recorded, or max")
    parser.add_argument("--at", choices=("now", "recorded"), default="now", help="now: moved so that it ends now")
    parser.add_argument("--data-dir", type=Path, default=Path(".vigil"), help="the folder of a running Vigil")
    parser.add_argument("--limit", type=int, default=None, metavar="N", help="only the first N stays or records")
    parser.add_argument("--tls", action="store_true", help="the encrypted listener also where a plain one is open")
    return parser.parse_args(given)


def now_ms() -> int:
    """ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def recording(options: argparse.Namespace, skipped: Skipped) -> list[Entry]:
    """The file's samples. Raises SystemExit when it cannot be read as that format."""
    try:
        made = entries(FORMATS[options.format](options.file, skipped))
    except UNREADABLE as error:
        raise SystemExit(f"{options.file} cannot be read as {options.format}: {error!r}") from error
    if options.limit is None:
        return made
    few = set(list(dict.fromkeys(e.stay for e in made))[: options.limit])
    return [e for e in made if e.stay in few]


def shift(first_ms: int, last_ms: int, now: int, speed: float | None) -> int:
    """What is added to a stay's times so that it ends when the playing ends, and is never ahead of the clock."""
    if speed is not None and speed < 1:
        return now - first_ms
    return now - last_ms + (round((last_ms - first_ms) / speed) if speed else 0)


def speed_of(words: str) -> float | None:
    """None for max. Raises SystemExit for what is no speed."""
    try:
        speed = None if words == "max" else float(words)
    except ValueError:
        raise SystemExit("--speed: expected a number above 0, or max") from None
    if speed is not None and speed <= 0:
        raise SystemExit("--speed: expected a number above 0, or max")
    return speed


def settle_times(memory: Memory, spans: Mapping[str, tuple[int, int]], options: argparse.Namespace, prefix: str) -> dict[str, int]:
    """Stay -> shift: the remembered one, else a new one."""
    known = {name.removeprefix(prefix).rsplit("/", 1)[0]: k.shift_ms for name, k in memory.known.items() if name.startswith(prefix)}
    now, speed = now_ms(), speed_of(options.speed)
    return {stay: known.get(stay, shift(*span, now, speed) if options.at == "now" else 0) for stay, span in spans.items()}


def prefix_of(options: argparse.Namespace) -> str:
    """How the memory's names of a recording's devices begin."""
    return f"{options.format}/{options.file.name.split('.')[0]}/{options.at}/"


def enrolled(where: endpoints.Endpoints, memory: Memory, sent: Sequence[Entry], options: argparse.Namespace) -> dict[tuple[str, str], str]:
    """(stay, part) -> the memory's name of its device; registers what is missing."""
    prefix = prefix_of(options)
    spans: dict[str, tuple[int, int]] = {}
    for e in sent:
        first, last = spans.get(e.stay, (e.at_ms, e.at_ms))
        spans[e.stay] = (min(first, e.at_ms), max(last, e.at_ms))
    shifts = settle_times(memory, spans, options, prefix)
    names = {(e.stay, e.part): f"{prefix}{e.stay}/{e.part}" for e in sent}
    wanted = []
    for (stay, part), name in names.items():
        who = Person(
            f"REPLAY-{hashlib.sha256((prefix + stay).encode()).hexdigest()[:16]}",
            f"Recording {stay}",
            "1950-01-01",
            "unknown",
            WARD,
            stay[:40],
        )
        kind = "cgm" if part == "cgm" else "monitor"
        wanted.append(Wanted(name, who, rfc3339(spans[stay][0] + shifts[stay] - HOUR_MS), kind))
    registry = Registry(where.http, where.account("admin"))
    registry.ward(WARD, "Replay")
    enrol(registry, memory, wanted)
    registry.close()
    for (stay, _), name in names.items():
        memory.known[name].shift_ms = shifts[stay]
    memory.save()
    return names


def grouped(sent: Sequence[Entry], memory: Memory, names: Mapping[tuple[str, str], str]) -> Iterator[list[Entry]]:
    """So many stays at once as there may be connections, in the order of the times they are played at."""
    stays = list(dict.fromkeys(e.stay for e in sent))
    for start in range(0, len(stays), STAYS_AT_ONCE):
        some = set(stays[start : start + STAYS_AT_ONCE])
        yield sorted((e for e in sent if e.stay in some), key=lambda e: e.at_ms + memory.known[names[e.stay, e.part]].shift_ms)


def played(options: argparse.Namespace, where: endpoints.Endpoints, sent: Sequence[Entry], account: Account) -> dict[tuple[str, str], str]:
    """Plays all; (stay, part) -> device id."""
    memory = Memory(options.data_dir / "replay.json", prefix_of(options))
    memory.claim()
    names = enrolled(where, memory, sent, options)
    door, boxes = mqtt.door(where.mqtt, options.tls), options.data_dir / "outbox"
    boxes.mkdir(mode=0o700, exist_ok=True)
    for group in grouped(sent, memory, names):
        known = {key: memory.known[names[key]] for key in {(e.stay, e.part) for e in group}}
        devices = {key: Device(door, k, account, boxes / f"{k.device}.jsonl") for key, k in known.items()}
        asyncio.run(play(group, devices, speed_of(options.speed), now_ms if options.at == "now" else None))
    return {key: memory.known[name].device for key, name in names.items()}


def accounted(where: endpoints.Endpoints, sent: Sequence[Entry], devices: Mapping[tuple[str, str], str]) -> tuple[Tally, int]:
    """Waits for the archive until every row is accounted for, at most two minutes; the tally and the duplicates."""
    until = time.monotonic() + _PATIENCE_S
    with archive(where.database) as database:
        while True:
            kept = database.kept(list(devices.values()))
            result = tally(sent, devices, kept)
            if not result.open or time.monotonic() > until:
                return result, kept.duplicates
            time.sleep(1.0)


def report(lines: Iterable[str]) -> None:
    """To stdout."""
    print("\n".join(lines), flush=True)


def main(given: Sequence[str]) -> int:
    """0 when every row is accounted for, else 1."""
    options = arguments(given)
    speed_of(options.speed)
    where, skipped, account = endpoints.read(options.data_dir), Skipped(), Account()
    sent = recording(options, skipped)
    if not sent:
        raise SystemExit(f"{options.file} has no readings")
    sys.stderr.write(f"{len(sent):,} samples of {len({e.stay for e in sent})} patients\n")
    try:
        devices = played(options, where, sent, account)
    except InUse as error:
        raise SystemExit(str(error)) from None
    result, duplicates = accounted(where, sent, devices)
    report(f"{'rows not played: ' + reason:<36}{count:>12,}" for reason, count in skipped.reasons.items())
    report(result.lines())
    report([f"{'samples known already (all runs)':<36}{duplicates:>12,}", *account.lines(0)[3:]])
    return 1 if result.open else 0
