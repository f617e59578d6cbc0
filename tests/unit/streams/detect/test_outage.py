"""One technical finding for what one cause silenced, with the cause and the beds; single ones for what is silent by itself."""

from streams.detect import checkpoint
from streams.detect.memory import empty
from streams.detect.rules import default
from streams.detect.silence import linked
from streams.detect.step import step, tick
from tests.unit.alerts.stories import desk, only
from tests.unit.streams.detect.readings import T0, batch, series
from vitals.context import PatientContext
from vitals.finding import SITE
from vitals.link import Link

BEDS = [f"p{i}" for i in range(10)]


def house(beds=BEDS, gateways=None, wards=lambda i: "north" if i < 5 else "south", partitions=1):
    """Memories with a device a bed; `gateways`: bed -> hub."""
    memories = [empty(default()) for _ in range(partitions)]
    for memory in memories:
        memory.house = memories
    for i, bed in enumerate(beds):
        memory = memories[i % partitions]
        memory.know(PatientContext(patient=bed, version=1, ward=wards(i), bed=str(i)), T0)
        link = Link(device=f"d-{bed}", state="online", at=T0, gateway=(gateways or {}).get(bed))
        memory.links[link.device] = link
    speak(memories, beds, 0, 30)
    return memories


def speak(memories, beds, first, last, every_s=2):
    """`beds` send a sample every two seconds from `first` to `last` seconds."""
    for memory in memories:
        known = [bed for bed in beds if bed in memory.contexts]
        for bed in known:
            values = [80.0 + i % 7 for i in range((last - first) // every_s)]
            seq = 10_000 * (1 + first)
            step(memory, batch(series("hr", values, bed, every_s * 1000, T0 + first * 1000, seq, f"d-{bed}")), T0)


def ticks(memories, first, last):
    return [f for s in range(first, last, 1) for memory in memories for f in tick(memory, T0 + s * 1000)]


def told(found):
    return [(f.rule, f.phase, f.subject, f.evidence.get("cause")) for f in found]


def test_everything_silent_at_once_is_one_finding_that_names_the_beds():
    found = ticks(house(), 30, 300)
    assert (told(found), found[0].evidence["beds"][:2], len(found[0].evidence["patients"])) == (
        [("outage", "start", "house", "pipeline")],
        ["north 0", "north 1"],
        10,
    )


def test_each_partition_tells_its_share_at_once_and_under_an_id_of_its_own():
    found = ticks(house(partitions=3), 30, 300)
    assert (told(found), len({f.id for f in found}), sorted(p for f in found for p in f.evidence["patients"])) == (
        [("outage", "start", "house", "pipeline")] * 3,
        3,
        BEDS,
    )


def two_workers():
    """Each with five beds of one ward, all of the same past to the millisecond."""
    return house(BEDS[:5], wards=lambda _: "north"), house(BEDS[5:], wards=lambda _: "north")


def test_one_alert_speaks_for_two_workers_until_the_last_bed_is_back():
    one, other = two_workers()
    silent = ticks(one, 30, 200) + ticks(other, 30, 200)
    speak(one, BEDS, 200, 220)
    first = ticks(one, 220, 230)
    speak(other, BEDS, 230, 250)
    last = ticks(other, 250, 260)
    alerts = [only(desk(*silent[: i + 1], *more)).alert for i, more in ((0, []), (1, []), (1, first), (1, [*first, *last]))]
    assert [(a.state, len(a.evidence["patients"])) for a in alerts] == [("active", 5), ("active", 10), ("active", 10), ("closed", 10)]


def test_a_share_outlives_its_partitions_way_to_another_worker():
    memories = house(partitions=2)
    began = ticks(memories, 30, 200)
    for memory in memories:
        memory.house = [memory]
    speak(memories[:1], BEDS, 200, 220)
    ended = ticks(memories[:1], 220, 230)
    assert ([f.id for f in ended], len(began)) == ([began[0].id], 2)


def test_an_outage_is_of_the_site_and_technical():
    found = ticks(house(), 30, 300)
    assert [(f.patient, f.alert_class, f.priority, f.ward) for f in found] == [(SITE, "technical", "high", "")]


def test_a_gateways_devices_are_one_finding():
    gateways = dict.fromkeys(BEDS[:3], "hub-1") | dict.fromkeys(BEDS[3:], "hub-2")
    memories = house(gateways=gateways)
    speak(memories, BEDS[3:], 30, 200)
    found = ticks(memories, 30, 200)
    assert (told(found), found[0].evidence["patients"], found[0].ward) == (
        [("outage", "start", "gateway:hub-1", "gateway")],
        BEDS[:3],
        "north",
    )


def test_a_ward_that_is_silent_is_one_finding():
    memories = house()
    speak(memories, BEDS[5:], 30, 200)
    assert told(ticks(memories, 30, 200)) == [("outage", "start", "ward:north", "network")]


def test_what_is_off_line_altogether_is_the_network():
    memories = house()
    for bed in BEDS:
        linked(memories[0], Link(device=f"d-{bed}", state="offline", at=T0 + 30_000), T0 + 30_000)
    assert told(ticks(memories, 30, 200)) == [("outage", "start", "house", "network")]


def test_two_of_ten_are_silent_each_by_itself():
    memories = house()
    speak(memories, BEDS[2:], 30, 200)
    assert sorted(told(ticks(memories, 30, 200))) == [("silence", "start", f"d-p{i}", "no_data") for i in range(2)]


def test_one_device_of_a_lost_hub_names_the_hub():
    memories = house(gateways={"p0": "hub-1"})
    speak(memories, BEDS[1:], 30, 200)
    link = Link(device="d-p0", state="offline", at=T0 + 30_000, gateway="hub-1")
    memories[0].links["d-p0"] = link
    linked(memories[0], link, T0 + 30_000)
    assert told(ticks(memories, 30, 200)) == [("silence", "start", "d-p0", "gateway")]


def test_an_outage_ends_once_and_who_is_silent_still_is_told_then():
    memories = house()
    first = ticks(memories, 30, 200)
    speak(memories, BEDS[:9], 200, 300)
    after = ticks(memories, 201, 300)
    assert (told(first + after), first[0].id == after[0].id) == (
        [("outage", "start", "house", "pipeline"), ("outage", "end", "house", "pipeline"), ("silence", "start", "d-p9", "no_data")],
        True,
    )


def test_a_silence_told_before_is_taken_up_by_the_outage():
    memories = house()
    speak(memories, BEDS[1:], 30, 200)
    found = ticks(memories, 30, 200) + ticks(memories, 200, 400)
    assert told(found) == [
        ("silence", "start", "d-p0", "no_data"),
        ("outage", "start", "house", "pipeline"),
        ("silence", "end", "d-p0", "no_data"),
    ]


def test_a_wards_outage_is_taken_up_by_the_houses():
    memories = house()
    speak(memories, BEDS[5:], 30, 200)
    found = ticks(memories, 30, 400)
    assert [(f.subject, f.phase) for f in found] == [("ward:north", "start"), ("ward:north", "end"), ("house", "start")]


def test_an_outage_outlives_a_restart():
    memories = house()
    first = ticks(memories, 30, 200)
    saved = checkpoint.save(memories[0], [0], 0)
    again = empty(default(), memories[0].contexts, memories[0].links)
    checkpoint.restore(again, saved)
    quiet = ticks([again], 200, 300)
    speak([again], BEDS, 300, 320)
    after = ticks([again], 320, 330)
    assert (quiet, [(f.id, f.phase) for f in after]) == ([], [(first[0].id, "end")])
