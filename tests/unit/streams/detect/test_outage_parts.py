"""What makes an outage, device by device: who counts as quiet, which group is out, what one tells, and when it is over."""

import msgspec
import pytest

from streams.detect import outage
from streams.detect.memory import empty
from streams.detect.silence import dismissed, missing
from tests.unit.streams.detect.readings import T0
from vitals.context import PatientContext
from vitals.finding import SITE
from vitals.link import Link
from vitals.rules import default

RULES = default()
RULE = RULES.outage
QUIET, SPEAKS = 40_000, 1_000
"""ms since a device that speaks once a second was heard of: half a minute and more is quiet, a minute and more silent."""


def house(ages, wards=None, hubs=None, rules=RULES, first=0):
    """A memory with a bed a device, each heard of so many ms before T0."""
    m = empty(rules)
    for i, age in enumerate(ages, start=first):
        bed, device = f"p{i}", f"d{i}"
        ward = wards[i - first] if wards else "north"
        m.know(PatientContext(patient=bed, version=1, ward=ward, bed=str(i)), T0)
        slot = m.slot(m.row(bed), device, T0 - age)
        m.links[device] = Link(device=device, state="online", at=T0, gateway=hubs[i - first] if hubs else None)
        d = m.devices
        d.n[slot], d.pause[slot], d.at[slot], d.heard[slot] = 100, 1000.0, T0 - age, T0 - age
    return m


def is_quiet(**columns):
    m = house([SPEAKS])
    for name, x in columns.items():
        getattr(m.devices, name)[0] = x
    return [bool(q) for part in outage.parts([m], T0) for q in part.quiet]


@pytest.mark.parametrize(
    ("pause", "age", "quiet"), [(1000, 30_000, False), (1000, 30_001, True), (30_000, 75_000, False), (30_000, 75_001, True)]
)
def test_quiet_is_half_of_what_would_be_silent(pause, age, quiet):
    assert is_quiet(pause=pause, heard=T0 - age) == [quiet]


@pytest.mark.parametrize(("n", "offline", "quiet"), [(1, T0, []), (2, T0, [True]), (2, 0, []), (5, 0, [False])])
def test_a_new_device_is_expected_from_its_second_sample_on_where_it_is_off_line(n, offline, quiet):
    assert is_quiet(n=n, offline=offline) == quiet


@pytest.mark.parametrize(
    ("columns", "quiet"),
    [
        ({"silent": T0}, True),
        ({"offline": T0 - SPEAKS + 1}, True),
        ({"offline": T0 - SPEAKS}, False),
        ({"offline": T0 - SPEAKS - 1}, False),
    ],
)
def test_what_is_silent_already_or_off_line_since_it_was_heard_of_is_quiet(columns, quiet):
    assert is_quiet(**columns) == [quiet]


WARM_UP, SLOWEST = RULES.silence.warm_up, RULES.silence.slowest_s * 1000


@pytest.mark.parametrize(
    ("columns", "expected"),
    [({"n": WARM_UP}, 1), ({"n": WARM_UP - 1}, 0), ({"pause": SLOWEST}, 1), ({"pause": SLOWEST + 1}, 0), ({"current": 0}, 0)],
)
def test_only_a_device_that_is_expected_to_speak_counts(columns, expected):
    assert len(is_quiet(**columns)) == expected


def test_the_devices_of_the_discharged_do_not_count():
    m = house([QUIET] * 2)
    m.settings.active[0] = 0
    assert outage.parts([m], T0)[0].slots.tolist() == [1]


def test_a_device_that_left_does_not_count_where_it_was():
    m, other = house([QUIET, SPEAKS, QUIET]), house([SPEAKS] * 2)
    m.house = other.house = [m, other]
    assert outage.parts([m], T0)[0].slots.tolist() == [1, 2]


def out(m, slot=0, *others):
    memories = [m, *others]
    return outage.group_out(outage.parts(memories, T0), m, slot, RULE)


@pytest.mark.parametrize(
    ("quiet", "speaking", "expected"), [(8, 2, ("house", "")), (7, 3, None), (3, 0, ("house", "")), (2, 0, None), (4, 1, ("house", ""))]
)
def test_a_group_is_out_when_four_fifths_and_three_of_it_are_quiet(quiet, speaking, expected):
    assert out(house([QUIET] * quiet + [SPEAKS] * speaking, wards=[""] * (quiet + speaking))) == expected


def test_the_largest_group_that_is_out_is_the_cause():
    ages, wards, hubs = [QUIET] * 6 + [SPEAKS] * 2, ["north"] * 6 + ["south"] * 2, ["hub"] * 3 + [None] * 5
    hub_only = [QUIET] * 3 + [SPEAKS] * 5
    assert [out(house(a, wards, hubs)) for a in (ages, hub_only, [QUIET] * 8)] == [("ward", "north"), ("gateway", "hub"), ("house", "")]


def test_a_device_without_a_ward_is_of_no_group_of_such():
    ages, wards = [QUIET] * 3 + [SPEAKS] * 3, [""] * 3 + ["north"] * 3
    assert out(house(ages, wards)) is None


def test_devices_without_a_hub_are_of_no_group_of_such():
    ages, hubs = [QUIET] * 3 + [SPEAKS] * 3, [None] * 3 + ["hub"] * 3
    assert out(house(ages, [""] * 6, hubs)) is None


def test_a_device_of_which_no_link_is_known_is_of_its_ward_and_the_house():
    m = house([QUIET] * 3 + [SPEAKS] * 3, ["north"] * 3 + ["south"] * 3)
    m.links.clear()
    assert out(m) == ("ward", "north")


def test_all_partitions_count_together():
    m, other = house([QUIET] * 2), house([QUIET] * 2, first=2)
    speaking = house([SPEAKS] * 2, first=2)
    assert (out(m, 0, other), out(m, 0, speaking)) == (("house", ""), None)


@pytest.mark.parametrize(
    ("quiet", "speaking", "over"), [(5, 5, False), (4, 5, True), (4, 4, False), (3, 3, False), (2, 0, True), (3, 4, True)]
)
def test_it_is_over_when_most_of_the_group_speaks_or_few_are_left(quiet, speaking, over):
    m = house([QUIET] * quiet + [SPEAKS] * speaking)
    assert outage.over(outage.parts([m], T0), ("house", ""), RULE) is over


def joined(m, slot=0, group=("house", ""), memories=None):
    memories = memories or [m]
    return outage.joins(memories, outage.parts(memories, T0), group, (m, slot), T0)


def test_an_outage_begins_with_the_first_of_its_devices_and_marks_those_that_are_quiet():
    m = house([QUIET, QUIET + 5000, QUIET, SPEAKS])
    m.settings.dirty[:] = 0
    (found,) = joined(m)
    marks = m.devices.outage[:4].tolist()
    mark = (T0 - QUIET - 5000) * 3 + 2
    assert (found.phase, found.patient, found.started_at, found.at, found.ended_at, marks, m.settings.dirty[:4].tolist()) == (
        "start", SITE, T0 - QUIET - 5000, T0, None, [mark, mark, mark, 0], [1, 1, 1, 0],
    )  # fmt: skip


def test_whoever_falls_silent_later_joins_what_was_told():
    m = house([QUIET] * 3 + [SPEAKS])
    joined(m)
    m.devices.heard[3] = T0 - QUIET
    assert (joined(m, 3), len(set(m.devices.outage[:4].tolist()))) == ([], 1)


def test_a_larger_outage_takes_up_the_smaller_and_leaves_others():
    wards = ["north"] * 3 + ["south"] * 3
    m = house([QUIET] * 3 + [SPEAKS] * 3, wards)
    (small,) = joined(m, 0, ("ward", "north"))
    m.devices.heard[3:6] = T0 - QUIET
    found = joined(m, 3)
    assert [(f.phase, f.subject, f.id == small.id, f.evidence["devices"]) for f in found] == [
        ("end", "ward:north", True, 3),
        ("start", "house", False, 6),
    ]


def test_two_wards_that_are_out_are_two_outages():
    wards = ["north"] * 3 + ["south"] * 3
    m = house([QUIET] * 6, wards)
    joined(m, 0, ("ward", "north"))
    found = joined(m, 3, ("ward", "south"))
    shares = outage.open_shares([m])
    assert ([(f.phase, f.subject, f.ward) for f in found], [len(s.members) for s in shares]) == ([("start", "ward:south", "south")], [3, 3])


def test_each_memory_tells_its_share():
    m, other = house([QUIET] * 2), house([QUIET + 1] * 2, first=2)
    found = joined(m, 0, memories=[m, other])
    assert [(f.started_at, f.evidence["patients"]) for f in found] == [(T0 - QUIET, ["p0", "p1"]), (T0 - QUIET - 1, ["p2", "p3"])]


def test_a_share_that_was_told_is_not_told_again_when_another_memory_joins():
    m, other = house([QUIET] * 3), house([SPEAKS] * 1, first=3)
    joined(m, 0, memories=[m, other])
    other.devices.heard[0] = T0 - QUIET
    assert [f.evidence["patients"] for f in joined(other, 0, memories=[m, other])] == [["p3"]]


@pytest.mark.parametrize(
    ("group", "offline", "cause", "words"),
    [
        (("house", ""), 3, "network", "No data from 4 patients: all are off line: the network"),
        (("house", ""), 2, "pipeline", "No data from 4 patients: nothing comes from any device: the broker or Vigil's own intake"),
        (("ward", "north"), 3, "network", "No data from 4 patients: all are off line: the network of ward north"),
        (("ward", "north"), 2, "network", "No data from 4 patients: nothing comes from ward north"),
        (("gateway", "hub"), 4, "gateway", "No data from 4 patients: gateway hub is silent"),
    ],
)
def test_the_cause_is_what_most_links_say(group, offline, cause, words):
    m = house([QUIET] * 4, hubs=["hub"] * 4)
    m.devices.offline[:offline] = T0
    (found,) = joined(m, 0, group)
    assert (found.evidence["cause"], found.title) == (cause, words)


def test_beds_are_named_with_their_ward_and_an_outage_of_one_ward_is_that_wards():
    m = house([QUIET] * 3)
    m.contexts["p1"] = msgspec.structs.replace(m.contexts["p1"], bed="")
    (found,) = joined(m)
    assert (found.ward, found.evidence["beds"], found.priority) == ("north", ["north 0", "north 2"], "high")


def test_an_outage_of_two_wards_is_of_none():
    (found,) = joined(house([QUIET] * 3, ["north", "north", "south"]))
    assert found.ward == ""


@pytest.mark.parametrize(("ages", "speaks"), [([QUIET] * 3, False), ([QUIET, QUIET, SPEAKS], True)])
def test_whether_any_of_an_outage_speaks(ages, speaks):
    m, other = house([QUIET] * 3), house([SPEAKS] * 3, first=3)
    joined(m)
    m.devices.heard[:3] = [T0 - age for age in ages]
    assert outage.any_speaks([other, m], T0) is speaks


@pytest.mark.parametrize("heard_ms", [0, 1])
def test_two_hubs_that_fell_silent_at_one_moment_are_two_outages_of_their_own(heard_ms):
    m = house([QUIET] * 3 + [QUIET - heard_ms] * 3, hubs=["one"] * 3 + ["two"] * 3)
    (one,), (two,) = joined(m, 0, ("gateway", "one")), joined(m, 3, ("gateway", "two"))
    assert (one.id == two.id, two.started_at, [len(s.members) for s in outage.open_shares([m])]) == (False, T0 - QUIET + 1, [3, 3])


def test_a_ward_and_a_hub_that_fell_silent_at_one_moment_both_began_then():
    m = house([QUIET] * 6, ["north"] * 3 + ["south"] * 3, [None] * 3 + ["hub"] * 3)
    (ward,), (hub,) = joined(m, 0, ("ward", "north")), joined(m, 3, ("gateway", "hub"))
    assert (ward.id == hub.id, hub.started_at) == (False, ward.started_at)


def test_an_outage_is_of_the_group_in_which_most_of_its_devices_are_now():
    m = house([QUIET] * 3, hubs=["one"] * 3)
    joined(m, 0, ("gateway", "one"))
    m.links["d0"] = msgspec.structs.replace(m.links["d0"], gateway="two")
    assert [share.group for share in outage.open_shares([m])] == [("gateway", "one")]


def test_an_outage_after_another_has_an_id_of_its_own_although_one_device_never_came_back():
    m = house([QUIET + 9000] + [QUIET] * 4)
    began = missing(m, T0 + 25_000)
    m.devices.heard[1:5] = T0 + 26_000
    over = missing(m, T0 + 27_000)
    again = [f for f in missing(m, T0 + 90_000) if f.rule == "outage"]
    told = [(f.rule, f.phase) for f in began + over + again]
    assert (told, began[0].id == again[0].id, again[0].started_at) == (
        [("outage", "start"), ("outage", "end"), ("silence", "start"), ("outage", "start")], False, T0 + 26_000,
    )  # fmt: skip


def test_an_outage_of_devices_that_were_all_told_before_began_with_the_first_of_them():
    m = house([QUIET, QUIET + 1, QUIET])
    m.devices.silent[:3] = T0
    assert joined(m)[0].started_at == T0 - QUIET - 1


def at_another_hub(m, i):
    m.links[f"d{i}"] = msgspec.structs.replace(m.links[f"d{i}"], gateway="other")


def in_another_ward(m, i):
    m.know(PatientContext(patient=f"p{i}", version=2, ward="south"), T0)


@pytest.mark.parametrize(("changed", "subject"), [(at_another_hub, "gateway:hub"), (in_another_ward, "ward:north")])
def test_an_outage_ends_under_the_id_of_its_start_whatever_changed_meanwhile(changed, subject):
    by_hub = subject == "gateway:hub"
    wards, hubs = ["north"] * (12 if by_hub else 3) + ["south"] * 9, ["hub" if by_hub else None] * 3 + [None] * 9
    m = house([QUIET] * 3 + [SPEAKS] * 9, wards, hubs)
    began = missing(m, T0 + 25_000)
    for i in range(3):
        changed(m, i)
    m.devices.heard[:12] = T0 + 60_000
    ended = missing(m, T0 + 61_000)
    assert [(f.phase, f.subject) for f in began] + [(f.phase, f.id) for f in ended] == [("start", subject), ("end", began[0].id)]


def discharged(m, *rows):
    found = []
    for row in rows:
        m.settings.active[row] = 0
        found += [(f.rule, f.phase, f.id) for f in dismissed(m, row, T0 + 1000)]
    return found


def test_an_outage_is_over_when_all_of_its_patients_were_discharged():
    m = house([QUIET] * 3 + [SPEAKS] * 9)
    (began,) = joined(m)
    assert (discharged(m, 0, 1), discharged(m, 2)) == ([], [("outage", "end", began.id)])


def test_an_outage_that_left_with_its_patients_is_written_down():
    m = house([QUIET] * 3)
    joined(m)
    m.settings.dirty[:] = 0
    discharged(m, 1)
    assert m.settings.dirty[:3].tolist() == [0, 1, 0]


def test_the_discharge_of_one_ward_leaves_anothers_outage():
    m = house([QUIET] * 6, ["north"] * 3 + ["south"] * 3)
    joined(m, 0, ("ward", "north"))
    joined(m, 3, ("ward", "south"))
    discharged(m, 0, 1, 2)
    assert [share.group for share in outage.open_shares([m])] == [("ward", "south")]


# --- the same through `missing`: who is silent is told by itself, or by the outage


def told(m, later_ms=30_000):
    return [(f.rule, f.phase, f.subject) for f in missing(m, T0 + later_ms)]


def test_a_device_that_is_silent_by_itself_is_told_by_itself():
    assert told(house([QUIET, *[-25_000] * 4])) == [("silence", "start", "d0")]


def test_devices_that_fall_silent_together_are_one_outage_and_not_told_again():
    m = house([QUIET] * 4)
    assert (told(m), told(m)) == ([("outage", "start", "house")], [])


def test_without_a_rule_each_is_told_by_itself():
    rules = msgspec.structs.replace(RULES, outage=None)
    assert told(house([QUIET] * 3, rules=rules)) == [("silence", "start", f"d{i}") for i in range(3)]


def test_a_silence_that_was_told_ends_when_an_outage_speaks_for_it():
    m = house([QUIET] * 4)
    m.devices.silent[1] = T0
    told(m)
    assert told(m) == [("silence", "end", "d1")]


def outage_of(m, other=None):
    m.house = [m] if other is None else [m, other]
    told(m)


@pytest.mark.parametrize(("back", "over"), [(0, False), (1, False), (2, True), (3, True)])
def test_an_outage_is_over_when_fewer_than_make_one_are_silent(back, over):
    m = house([QUIET] * 4)
    outage_of(m)
    m.devices.heard[:back] = T0 + 29_000
    assert (("outage", "end", "house") in told(m)) is over


def test_an_outage_is_over_at_once_when_the_rule_is_gone():
    m = house([QUIET] * 4)
    outage_of(m)
    m.rule(msgspec.structs.replace(RULES, outage=None), T0)
    assert told(m)[0] == ("outage", "end", "house")


def test_nothing_ends_where_nothing_began():
    m = house([SPEAKS] * 4)
    m.rule(msgspec.structs.replace(RULES, outage=None), T0)
    assert told(m, 0) == []


def test_an_outage_that_only_one_partition_knows_ends_for_it():
    m, other = house([QUIET] * 4), house([-29_000] * 1, first=4)
    outage_of(m, other)
    m.devices.heard[:4] = T0 + 29_000
    assert told(m) == [("outage", "end", "house")]
