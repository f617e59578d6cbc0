"""A rule set in which every detector of courses has a voice, and what a test needs to run it."""

import msgspec

from streams.detect import checkpoint
from streams.detect.memory import empty
from streams.detect.step import step, tick
from tests.unit.streams.detect.readings import T0, batch
from vitals.rules import default

MINUTE = 60_000


def loud(**changes):
    """The default rules with a priority for everything; `changes` replace parts by name, each a dict over the default part."""
    rules = default()
    voices = dict.fromkeys(rules.habit.least_sd, "low")
    parts = {name: {"priority": voices} for name in ("trend", "drift", "shift", "habit")}
    index = msgspec.structs.replace(rules.combinations["shock index"], priority=("low", "low"))
    rules = msgspec.structs.replace(rules, combinations={"shock index": index})
    parts["stuck"] = {"for_s": {"hr": 300, "sbp": 300}}
    for name, change in changes.items():
        parts[name] = parts.get(name, {}) | change
    return msgspec.structs.replace(
        rules, **{name: msgspec.structs.replace(getattr(rules, name), **change) for name, change in parts.items()}
    )


def told(samples, rule, rules=None, ticks=()):
    """The findings of `rule`, of all samples at once."""
    memory = empty(rules or default())
    found = step(memory, batch(samples), 0)
    found += [f for now in ticks for f in tick(memory, now)]
    return [f for f in found if f.rule == rule]


def folded(samples, cuts, rules, restart):
    """What is told of `samples` cut into batches, saved and restored at each cut, and the courses as bytes by patient."""
    memory, found = empty(rules), []
    for begin, end in zip([0, *cuts], [*cuts, len(samples)], strict=True):
        if begin < end:
            found += step(memory, batch(samples[begin:end]), 0)
        if restart:
            saved = checkpoint.save(memory, range((len(memory.patients) + 63) // 64), 0)
            memory = empty(rules)
            checkpoint.restore(memory, saved)
    found += tick(memory, T0 + 1000 * 3_600_000)
    key = sorted((f.patient, f.rule, f.subject, f.phase, f.priority, f.started_at, f.ended_at, str(f.evidence)) for f in found)
    courses = {}
    for patient, row in memory.row_of.items():
        tables = memory.courses
        courses[patient] = [
            getattr(tables, name)[row * field.metadata["width"] : (row + 1) * field.metadata["width"]].tobytes()
            for name, field in zip(tables.__slots__, tables.__dataclass_fields__.values(), strict=True)
        ]
    return key, courses
