"""`./vigil rehearse --rules FILE --from T --to T`: what a changed rule set would have raised over stored history.

In: a rule set as a file, a span of time, the database of a running Vigil. Out: a table or JSON, and a picture on request (`--report`).
The rules in force run over the same readings beside the changed ones, through the very code of the detecting worker.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from streams.detect.comparison import Comparison, compared
from streams.detect.rehearsal import rehearse, stretches, voiced
from streams.detect.report import html, text
from streams.detect.timescale_history import History
from vitals.batch import Batch
from vitals.context import PatientContext
from vitals.errors import VigilError
from vitals.rules import RuleError, RuleSet, default, parsed


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command's."""
    parser = argparse.ArgumentParser(prog="vigil rehearse", description="What a changed rule set would have raised over stored history.")
    parser.add_argument("--rules", type=Path, required=True, metavar="FILE", help="the changed rule set, JSON")
    parser.add_argument("--from", dest="begin", type=moment, required=True, metavar="T", help="RFC 3339, or a day")
    parser.add_argument("--to", dest="end", type=moment, required=True, metavar="T")
    parser.add_argument("--data-dir", type=Path, default=Path(".vigil"))
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="with a picture")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(given)


def moment(said: str) -> datetime:
    """A time; UTC where it has no offset."""
    at = datetime.fromisoformat(said)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def database(data_dir: Path, environ: Mapping[str, str]) -> str:
    """The address of the database. Raises SystemExit, saying what to do, when no Vigil runs there."""
    if environ.get("VIGIL_DATABASE"):
        return environ["VIGIL_DATABASE"]
    try:
        return str(msgspec.json.decode((data_dir / "endpoints.json").read_bytes())["database"])
    except (OSError, KeyError, msgspec.MsgspecError) as error:
        raise SystemExit(f"no Vigil runs on {data_dir}; start one with ./vigil up --data-dir {data_dir}, or set VIGIL_DATABASE") from error


def rehearsed(history: History, changed: bytes) -> Comparison:
    """Both rule sets over the history, each in a process of its own, while this one reads it a day at a time, once for both.

    Raises RehearsalFailed when one of them ends before its time.
    """
    after, stored = parsed(changed), history.rules()
    before = parsed(stored) if stored else default()
    contexts, days = history.contexts(), 0.0
    sides = [_side(contexts, rules) for rules in (before, after)]
    try:
        for batch in history.batches():
            days += _patient_days(batch)
            for side in sides:
                side.pipe.send(batch)
        for side in sides:
            side.pipe.send(None)
        was, would_be = (side.pipe.recv() for side in sides)
    except (EOFError, BrokenPipeError, ConnectionResetError) as error:
        raise RehearsalFailed("the process that folds a rule set ended; its own words are above") from error
    finally:
        for side in sides:
            side.process.terminate()
            side.process.join()
    return compared(was, would_be, days)


class RehearsalFailed(VigilError):
    """A rule set could not be folded over the history to its end."""


@dataclass(frozen=True, slots=True)
class Side:
    """A process that folds one rule set; it takes batches, then None, and answers with findings."""

    process: SpawnProcess
    pipe: "Connection[Any, Any]"


def _side(contexts: Sequence[PatientContext], rules: RuleSet) -> Side:
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=told, args=(theirs, contexts, rules), daemon=True)
    process.start()
    theirs.close()
    return Side(process, ours)


def told(pipe: "Connection[Any, Any]", contexts: Sequence[PatientContext], rules: RuleSet) -> None:
    """What `rules` tell over the batches that come, without what only supports evidence."""
    days: Iterator[Batch] = iter(pipe.recv, None)
    pipe.send(list(rehearse(chain(contexts, stretches(days)), voiced(rules))))


def _patient_days(batch: Batch) -> float:
    """Of a day's batch: the hours in which a patient had readings, as days."""
    hours = batch.observed_at // 3_600_000
    return len(np.unique(hours * (len(batch.patients) + 1) + batch.patient)) / 24


def plain(found: Comparison) -> dict[str, Any]:
    """The comparison as JSON can say it: (rule, priority) as "rule priority"."""
    sides = {"before": found.before, "after": found.after}
    summaries = {side: asdict(s) | {"by_rule": {" ".join(key): n for key, n in s.by_rule.items()}} for side, s in sides.items()}
    return {**summaries, "found": found.found, "lost": msgspec.to_builtins(found.lost), "lead_s": found.lead_s}


def main(given: Sequence[str], environ: Mapping[str, str]) -> int:
    """0; 1 with a sentence when the rules or the database are at fault."""
    options = arguments(given)
    began = time.monotonic()
    try:
        found = rehearsed(History(database(options.data_dir, environ), options.begin, options.end), options.rules.read_bytes())
    except (RuleError, VigilError, OSError) as error:
        sys.stderr.write(f"{options.rules}: {error}\n")
        return 1
    if options.report:
        options.report.write_text(html(found))
    said = text(found, time.monotonic() - began) if not options.json else msgspec.json.encode(plain(found)).decode()
    sys.stdout.write(said + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ))
