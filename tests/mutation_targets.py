"""What `./vigil mutate` changes: the modules, their charts and amounts, the tests that must notice, the changes that change nothing.

`EQUIVALENT`: (path, function, change) -> why no test could notice it. An entry that matches no change any more fails the run and a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tests.mutants import Numbers

ROOMS = frozenset({"alerts", "ingest", "streams", "vitals", "tests", "loadtests", "devices"})
"""What is imported again for a change that takes effect at import."""


@dataclass(frozen=True, slots=True)
class Target:
    """The test modules that must notice, by their names without `test_`, and the numbers that are changed too."""

    tests: tuple[str, ...]
    numbers: Numbers = field(default_factory=Numbers)

    @property
    def files(self) -> tuple[str, ...]:
        """The test modules' paths."""
        return tuple(f"tests/unit/{'' if '/' in name else 'streams/detect/test_'}{name}.py" for name in self.tests)


def _charts(*names: str) -> Numbers:
    return Numbers(charts=frozenset(names))


def _amounts(*names: str) -> Numbers:
    return Numbers(amounts=frozenset(names))


_SCORES = _charts("MEWS", "QSOFA", "PEWS_AGE", "PEWS_POINTS", "PEWS_SPO2", "PEWS_EFFORT", "PEWS_REFILL_S", "PEWS_WORST")
_CONDITIONS = _amounts("LEAST_HOLD_MS", "MOST_HOLD_MS", "SIGNAL_HOLD_MS", "HOLD_GAPS", "SPOT_MS", "OVERDUE_GAPS", "SCORE_ALONE_MS",
                       "CLEAR_GAPS", "MOST_CLEAR_MS")  # fmt: skip
_STRANGER = _amounts("READINGS", "PATIENCE_MS", "DEVIATIONS", "WEIGHT_SHARE", "FAR")
_STEP = ("step", "ticking", "memory", "courses", "charted", "conditions", "silence", "motion", "joint", "witness", "apart")
_DETECT: Mapping[str, Target] = {
    "agreement": Target(("departures",)),
    "apart": Target(("apart",)),
    "baseline": Target(("baseline",), _amounts("CLIP")),
    "cadence": Target(("order", "order_parts"), _amounts("ROOM")),
    "charted": Target(("charted",), _amounts("BY_HAND_MS", "UNKNOWN_MS", "LONGEST_MS", "OVERDUE", "HOLD")),
    "combined": Target(("departures",)),
    "comparison": Target(("comparison",)),
    "conditions": Target(("conditions", "joint", "apart"), _CONDITIONS),
    "course": Target(("course",), _amounts("LOOK_MIN")),
    "dedupe": Target(("dedupe",)),
    "drift": Target(("departures",), _amounts("MOST")),
    "early_warning": Target(("early_warning",), _amounts("_SHOW_VALUE_MS", "_SHOW_POINTS_MS")),
    "habit": Target(("departures",), _amounts("ROBUST")),
    "held_back": Target(("held_back",)),
    "joint": Target(("joint", "apart")),
    "jump": Target(("departures", "witness")),
    "lapse": Target(("lapse",), _amounts("LAPSE_MS", "PAUSES", "MOST_MS", "SKEW_MS")),
    "lateness": Target(("lateness", "order_parts"), _amounts("SHOWN_MS", "LATE_MS", "SHARE", "AT_LEAST")),
    "minutely": Target(("minutely",)),
    "moved": Target(("silence",)),
    "newcomer": Target(("stranger",), _STRANGER),
    "order": Target(("order", "order_parts"), _amounts("HOLD_MS", "GRACE_MS", "_SLACK")),
    "outage": Target(("outage_parts",)),
    "packed": Target(("lately",)),
    "rounds": Target(_STEP),
    "ruled": Target(("ruled", "joint", "apart")),
    "scores": Target(("scores",), _SCORES),
    "shift": Target(("departures",), _amounts("LEAST_POINTS", "ROBUST")),
    "signals": Target(_STEP),
    "silence": Target(("silence", "outage_parts")),
    "step": Target(_STEP),
    "stuck": Target(("departures",)),
    "timers": Target(("timers",)),
    "told": Target(("told",)),
    "trend": Target(("departures",), _amounts("LEAST_POINTS", "LEAST_SPAN_MIN")),
    "unscored": Target(("unscored",)),
    "waiting": Target(("order", "order_parts", "held_back")),
    "watermark": Target(("watermark",), _amounts("MOST", "_ROOM", "_EARLY", "_GONE")),
    "waveform/hearing": Target(("waveform_hearing",)),
    "waveform/held_back": Target(("waveform_held_back",)),
    "witness": Target(("witness",), _amounts("STANDS_MS", "ON_THE_WAY_MS")),
    "wrong_patient": Target(("stranger",), _amounts("LEAST_VITALS")),
}
_NEWS2 = Target(("vitals/test_news2",), _charts("TABLE", "MEDIUM", "HIGH", "ON_OXYGEN_POINTS", "ROOM_AIR_PERCENT"))
_ALERTS: Mapping[str, Target] = {
    "gravity": Target(("alerts/test_findings", "alerts/test_same")),
    "same": Target(("alerts/test_same", "alerts/test_findings", "alerts/test_told_late"), _amounts("REMEMBERED", "LATE_MS")),
}
_INGEST: Mapping[str, Target] = {
    "named_patient": Target(("ingest/test_named_patient",), _amounts("GRACE_MS", "FLAP_MS")),
    "pace": Target(("ingest/test_pace",), _amounts("LONGEST_S")),
    "senders": Target(("ingest/test_senders",), _amounts("SHARED_S")),
    "spoken": Target(("ingest/test_spoken", "ingest/test_hl7", "ingest/test_door_numbers")),
    "strangers": Target(("ingest/test_strangers",), _amounts("MOST", "NAME", "AWAY_MS")),
}
TARGETS: Mapping[str, Target] = MappingProxyType(
    {"vitals/news2.py": _NEWS2}
    | {f"alerts/{name}.py": target for name, target in _ALERTS.items()}
    | {f"ingest/{name}.py": target for name, target in _INGEST.items()}
    | {f"streams/detect/{name}.py": target for name, target in _DETECT.items()}
)

_C, _D, _E, _K, _S, _T = (f"streams/detect/{name}.py" for name in ("conditions", "dedupe", "early_warning", "course", "silence", "timers"))
_J, _L, _W = (f"streams/detect/{name}.py" for name in ("jump", "trend", "wrong_patient"))
_H = "streams/detect/waveform/hearing.py"
_F, _G = "streams/detect/step.py", "streams/detect/signals.py"
_LONG_WAY = (
    "s.rows * CHANNELS + s.channels -> s.rows * CHANNELS - s.channels",
    "s.t - timers.at[cells] -> s.t + timers.at[cells]",
    "timers.fired[cells] > 0 -> timers.fired[cells] >= 0",
    "timers.held[cells] == 0 -> timers.held[cells] != 0",
    "elapsed >= 0 -> elapsed > 0",
    "elapsed <= SIGNAL_HOLD_MS -> elapsed < SIGNAL_HOLD_MS",
)
_INSIDE = (
    ("_beyond", "m.x < s.low1[m.cell] -> m.x <= s.low1[m.cell]"),
    ("_beyond", "m.x > s.high1[m.cell] -> m.x >= s.high1[m.cell]"),
    ("_beyond", "memory.cells.busy[m.cell] & LIMITS -> memory.cells.busy[m.cell] | LIMITS"),
    ("_strange", "np.abs(z) > rule.z -> np.abs(z) >= rule.z"),
    ("_strange", "busy & BASELINE -> busy | BASELINE"),
)
_IDLE = "what is inside moves no idle timer"
EQUIVALENT: Mapping[tuple[str, str, str], str] = MappingProxyType(
    {
        (_C, "", "2 * V -> 2 / V (2)"): "below the signals every channel has a pace of its own, which says how long a value stands",
        (_C, "_own", "s.channels < memory.last -> s.channels <= memory.last"): "of a device by itself no first baseline is ever seen",
        (_C, "stand", "until[rows] > memory.timers.at[cells] -> until[rows] >= memory.timers.at[cells]"): "no time brings nothing",
        (_C, "_told", "len(found) > 1 -> len(found) >= 1"): "one finding is sorted already",
        (_C, "_summed", "was.side[k] > 0 -> was.side[k] >= 0"): "an excursion has a side",
        (_K, "note", "np.count_nonzero(inside) < len(inside) -> np.count_nonzero(inside) <= len(inside)"): "all of them are all of them",
        (_K, "note", "np.count_nonzero(running) < len(running) -> np.count_nonzero(running) <= len(running)"): "the same",
        (_K, "last", "now == now[:1] -> now != now[:1]"): "a shortcut: minute by minute gives the same",
        (_K, "median", "n.max(initial=0) <= 1 -> n.max(initial=0) < 1"): "a shortcut: ordering one gives the same",
        (_K, "_close", "between > 1 -> between >= 1"): "the minute that begins is written by `present` at once",
        (_S, "missing", "len(fresh) and memory.rules.outage -> len(fresh) or memory.rules.outage"): "a shortcut",
        (_T, "_enter", "c.side > 0 -> c.side >= 0"): "without a side there is no excursion whose worst it picks",
        (_J, "doubted", "rule is None or not np.count_nonzero(far) -> rule is None and (not np.count_nonzero(far))"): "a shortcut",
        (
            _J,
            "doubted",
            "elapsed <= (rule.within_s + rule.believe_s) * 1000 -> elapsed < (rule.within_s + rule.believe_s) * 1000",
        ): "the two parts of it, each bounded by itself, never come to their sum",
        (_L, "crossing_min", "found.slope > 0 -> found.slope >= 0"): "what does not rise or fall crosses nothing",
        (_T, "_severity", "before > 0 -> before >= 0"): "at 0 there is no slack to give to either side",
        (_T, "_severity", "before > 0 -> before >= 0 (2)"): "the same",
        (_G, "signals", "memory.cells.busy.reshape(-1, V)[r.rows] & SIGNAL -> memory.cells.busy.reshape(-1, V)[r.rows] | SIGNAL"): _IDLE,
        **{(_G, "_unsettled", change): "a shortcut: what is not taken out is watched, and that gives the same" for change in _LONG_WAY},
        **{(_F, function, change): _IDLE for function, change in _INSIDE},
        (
            _F,
            "passed",
            "memory.joint is not None and memory.apart is not None -> memory.joint is not None or memory.apart is not None",
        ): "they are made together",
        (_H, "Hearing._forget", "len(self.heard) <= MOST -> len(self.heard) < MOST"): "a shortcut: as many as may be are none too many",
        (_F, "_strange", "np.count_nonzero(watched) < len(watched) -> np.count_nonzero(watched) <= len(watched)"): "all of them are all",
        (
            _F,
            "_score_sightings",
            "x <= memory.layout.high1[_SCORED][:, None] -> x < memory.layout.high1[_SCORED][:, None]",
        ): "a shortcut, as in `_unsettled`",
        (_F, "_score_sightings", "t >= timers.at[cells] -> t > timers.at[cells]"): "a shortcut, as in `_unsettled`",
        (_D, "Seen.uneven", "-1 -> --1 (4)"): "more are taken for a slot's last, and the last of them is written last",
        (
            _E,
            "_chart",
            "1 + np.searchsorted(np.rint(np.array(uppers) * steps), np.arange(_TICKS), side='left')"
            " -> 1 - np.searchsorted(np.rint(np.array(uppers) * steps), np.arange(_TICKS), side='left')",
        ): "cells are only told apart, and have other numbers",
        (
            _E,
            "_chart",
            "1 + (np.arange(_TICKS) > 10 * news2.ROOM_AIR_PERCENT) -> 1 - (np.arange(_TICKS) > 10 * news2.ROOM_AIR_PERCENT)",
        ): "the same",
    }
)
