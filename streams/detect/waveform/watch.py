"""What the waveforms of one patient say that a person should know: asystole, bradycardia, fibrillation, a poor signal, a stranger's rhythm.

In: chunks of any channels of one patient. Out: findings. Promise: silent while warming up, but of a heart that was heard before a short
gap and is heard no more; a poor signal makes one technical finding and no physiological one; an asystole needs every pulsatile channel
that is still sent to be silent (the false one of Challenge 2015 a103l is not raised); a chunk that comes late is history: its condition is
told as live only when a live chunk still shows it. Bounded memory: eight channels; a further one takes the place of one sent no more.
Dropped: chunks of channels that do not beat (respiration), and of more channels than eight that are sent at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from streams.detect.waveform.beats import DOUBTFUL
from streams.detect.waveform.channel import Channel, heard, opened
from streams.detect.waveform.rhythm import ASYSTOLE_S, RHYTHM_BEATS, bradycardic, fibrillates, heart_rate
from vitals.finding import AlertClass, Finding, Phase, Priority, finding_id
from vitals.waveform import Waveform, numbers_of

BEATING = ("ecg", "ppg", "pleth")
CHANNELS = 8
LATE_MS = 60_000
UNHEARD_MS = 10_000
"""A channel so far behind in signal time is sent no more: its last beats stand still and say nothing of now."""
VERSION = 1
PULSE = 0.5
"""Beats on another channel that look less alike are noise: those of the PPG of Challenge 2015 a103l never fell under 0.71, noise taken for
beats is about 0.3 (this project's choice)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition holds `after_s` before it is told and is gone `clear_s` before it is over."""

    name: str
    title: str
    alert_class: AlertClass
    priority: Priority
    after_s: float
    clear_s: float


ASYSTOLE = Rule("ecg_asystole", "No heartbeat for 4 s", "physiological", "high", 0.0, 3.0)
BRADYCARDIA = Rule("ecg_bradycardia", "Heart rate under 40 over five beats", "physiological", "high", 0.0, 10.0)
FIBRILLATION = Rule("ecg_fibrillation", "Irregular rhythm like atrial fibrillation", "physiological", "medium", 30.0, 60.0)
POOR = Rule("ecg_poor_signal", "Poor ECG signal", "technical", "low", 30.0, 15.0)
STRANGER = Rule(
    "device.wrong_patient", "Another rhythm than before the device was changed: is it on the right patient?", "technical", "medium", 0, 0
)
RULES = (ASYSTOLE, BRADYCARDIA, FIBRILLATION, POOR, STRANGER)
NEW_BEATS, REMEMBERED_MS = 400, 86_400_000
"""A device is new to the patient for so many beats; the rhythm on the one before counts for a day."""


@dataclass(frozen=True, slots=True)
class Timer:
    """`since`, `until`: when the condition began to hold, and to be gone (ms). `started`: it is on; `told`: a person was told."""

    since: int | None = None
    until: int | None = None
    started: int | None = None
    told: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """All that is carried of one patient."""

    channels: Mapping[str, Channel] = field(default_factory=lambda: MappingProxyType({}))
    timers: Mapping[str, Timer] = field(default_factory=lambda: MappingProxyType({}))


def step(watch: Watch, chunk: Waveform, ward: str, now: int) -> tuple[Watch, list[Finding]]:
    """One chunk more; `now` in ms is when it was judged."""
    if not chunk.channel.startswith(BEATING):
        return watch, []
    key = f"{chunk.device}/{chunk.channel}"
    watch = watch if key in watch.channels else with_room(watch, chunk.observed_at)
    channel = watch.channels.get(key)
    if channel is None and len(watch.channels) >= CHANNELS:
        return watch, []
    if channel is None or channel.memory.rate_hz != chunk.rate_hz:
        channel = opened(chunk.channel, chunk.rate_hz, chunk.observed_at)
    before, channel = channel, heard(channel, chunk.observed_at, numbers_of(chunk))
    if channel is before:  # heard already: it says nothing of now
        return watch, []
    channels = MappingProxyType({**watch.channels, key: channel})
    if not chunk.channel.startswith("ecg"):
        return replace(watch, channels=channels), []
    return _judged(replace(watch, channels=channels), channel, chunk, _Telling(chunk, ward, now))


def with_room(watch: Watch, at: int) -> Watch:
    """Where every place is taken: without the channel unheard for longest, if it is sent no more at `at` (ms). What is on stays on."""
    if len(watch.channels) < CHANNELS:
        return watch
    gone, channel = min(watch.channels.items(), key=lambda item: item[1].heard)
    if at - channel.heard < UNHEARD_MS:
        return watch
    channels = {key: c for key, c in watch.channels.items() if key != gone}
    timers = {key: t for key, t in watch.timers.items() if t.started is not None or not key.startswith(f"{gone}/")}
    return Watch(MappingProxyType(channels), MappingProxyType(timers))


def conditions(channel: Channel, others: list[Channel]) -> dict[str, bool]:
    """Rule -> whether it holds on this ECG now. Before ten beats nothing is known, nor of the rhythm before it can be told: what was on
    stays on."""
    heard_on = [o for o in others if channel.heard - o.heard < UNHEARD_MS and _may_beat(o)]
    silent = channel.silence_s >= ASYSTOLE_S and not heard_on
    if not channel.warm:
        return {ASYSTOLE.name: True} if silent and channel.beat_before is not None else {}
    poor = channel.quality < DOUBTFUL
    gaps = channel.intervals
    # beats that are doubted, or noise taken for beats, end no asystole; nor does another channel of which too little was heard yet
    beats = not poor and (channel.silence_s < ASYSTOLE_S or any(o.warm for o in heard_on))
    known = {ASYSTOLE.name: silent} if silent or beats else {}
    if poor or len(gaps) >= RHYTHM_BEATS:
        known[FIBRILLATION.name] = not poor and fibrillates(gaps)
    return known | {BRADYCARDIA.name: not poor and bradycardic(gaps), POOR.name: poor and not silent}


def _may_beat(other: Channel) -> bool:
    """Whether a heart may beat on another channel, as far as it was heard."""
    return other.known and other.silence_s < ASYSTOLE_S and not (other.warm and other.quality < PULSE)


def stranger(channel: Channel, before: list[Channel]) -> dict[str, bool]:
    """Whether this ECG, of a device new to the patient, fibrillates where that of the devices before did not, or the other way round."""
    known = [c for c in before if len(c.intervals) >= RHYTHM_BEATS and 0 <= channel.unbroken - c.heard <= REMEMBERED_MS]
    if not known or channel.quality < DOUBTFUL or channel.beats > NEW_BEATS or len(channel.intervals) < RHYTHM_BEATS:
        return {}
    return {STRANGER.name: all(fibrillates(c.intervals) != fibrillates(channel.intervals) for c in known)}


def told_on(watch: Watch, patient: str) -> set[str]:
    """The ids of what is on and was told."""
    return {timer_id(patient, key, timer.started) for key, timer in watch.timers.items() if timer.told and timer.started is not None}


def timer_id(patient: str, key: str, started: int) -> str:
    """The id of a timer's condition, which began at `started`."""
    subject, _, rule = key.rpartition("/")
    return finding_id(patient, rule, subject, started)


@dataclass(frozen=True, slots=True)
class _Telling:
    chunk: Waveform
    ward: str
    now: int

    def finding(self, rule: Rule, phase: Phase, timer: Timer, **more: Any) -> Finding:
        started = timer.started or 0
        subject = f"{self.chunk.device}/{self.chunk.channel}"
        return Finding(
            id=finding_id(self.chunk.patient, rule.name, subject, started),
            phase=phase,
            patient=self.chunk.patient,
            ward=self.ward,
            rule=rule.name,
            rule_version=VERSION,
            alert_class=rule.alert_class,
            priority=rule.priority,
            title=rule.title,
            subject=subject,
            started_at=started,
            at=self.chunk.observed_at,
            received_at=self.chunk.received_at,
            detected_at=self.now,
            **more,
        )


def _judged(watch: Watch, channel: Channel, chunk: Waveform, telling: _Telling) -> tuple[Watch, list[Finding]]:
    others = [c for key, c in watch.channels.items() if key != f"{chunk.device}/{chunk.channel}"]
    live = chunk.received_at - channel.heard < LATE_MS
    before = [c for key, c in watch.channels.items() if not key.startswith(f"{chunk.device}/") and c.name.startswith("ecg")]
    holds, found, timers = conditions(channel, others) | stranger(channel, before), list[Finding](), dict(watch.timers)
    for rule in (r for r in RULES if r.name in holds):
        key = f"{chunk.device}/{chunk.channel}/{rule.name}"
        timer, phase = advanced(timers.get(key, Timer()), rule, holds[rule.name], channel.decided, live)
        if phase == "start":
            found.append(telling.finding(rule, "start", timer, evidence=_evidence(channel)))
        if phase == "end":
            found.append(_over(telling, rule, timer))
            timer = Timer()
        timers[key] = timer
    return replace(watch, timers=MappingProxyType(timers)), found


def advanced(timer: Timer, rule: Rule, holds: bool, at: int, live: bool) -> tuple[Timer, Phase | None]:
    """The timer at signal time `at` (ms), and what is to be told now. A late condition is told when live data still show it."""
    if holds:
        since = at if timer.since is None else timer.since
        started = timer.started or (since if at - since >= 1000 * rule.after_s else None)
        timer = Timer(since, None, started, timer.told)
        if started is not None and live and not timer.told:
            return replace(timer, told=True), "start"
        return timer, None
    if timer.started is None:
        return Timer(), None
    until = at if timer.until is None else timer.until
    timer = replace(timer, until=until)
    return (timer, "end") if at - until >= 1000 * rule.clear_s else (timer, None)


def _over(telling: _Telling, rule: Rule, timer: Timer) -> Finding:
    """The end of what was told, or history of what was over before it could be known."""
    if timer.told:
        return telling.finding(rule, "end", timer, ended_at=timer.until)
    return telling.finding(rule, "start", timer, ended_at=timer.until, retrospective=True)


def _evidence(channel: Channel) -> dict[str, Any]:
    rate = heart_rate(channel.intervals)
    return {
        "channel": channel.name,
        "heart_rate": None if rate is None else round(rate),
        "seconds_since_last_beat": round(channel.silence_s, 1),
        "signal_quality": round(channel.quality, 2),
        "intervals_s": [round(gap, 3) for gap in channel.intervals[-10:]],
    }
