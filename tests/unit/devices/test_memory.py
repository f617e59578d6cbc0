"""What the simulator and the replay remember: safe from an end without warning, from others' eyes, and from each other."""

from pathlib import Path

import pytest

from devices.memory import RESERVED, InUse, Known, Memory
from devices.simulator.main import main

FILE = "memory.json"


def known(next_seq: int = 1) -> Known:
    """A device."""
    return Known(device="dev-1", password="p", patient="x", ward="north", next_seq=next_seq)


def test_a_number_is_never_used_twice_even_when_the_end_was_sudden(tmp_path: Path) -> None:
    memory = Memory(tmp_path / FILE)
    memory.known["a"] = known(41)
    memory.save(RESERVED)
    memory.known["a"].next_seq += RESERVED - 1  # used, and never written down
    assert Memory(tmp_path / FILE).known["a"].next_seq > memory.known["a"].next_seq


def test_the_memory_holds_secrets_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    Memory(tmp_path / FILE).save()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_programs_side_by_side_forget_nothing_of_each_other(tmp_path: Path) -> None:
    one, other = Memory(tmp_path / FILE, "SIM-1-"), Memory(tmp_path / FILE, "SIM-12-", "SIM-12/")
    one.known["SIM-1-bed"], other.known["SIM-12-bed"], other.known["SIM-12/hub"] = known(5), known(7), known(9)
    other.save()
    one.save()
    other.known["SIM-12-bed"].next_seq = 8
    other.save()
    kept = {name: k.next_seq for name, k in Memory(tmp_path / FILE).known.items()}
    assert kept == {"SIM-1-bed": 5, "SIM-12-bed": 8, "SIM-12/hub": 9}


def test_a_part_is_one_programs_at_once(tmp_path: Path) -> None:
    one = Memory(tmp_path / FILE, "SIM-1-")
    one.claim()
    with pytest.raises(InUse, match="SIM-1-"):
        Memory(tmp_path / FILE, "SIM-1-").claim()


def test_another_part_is_anothers(tmp_path: Path) -> None:
    one, other = Memory(tmp_path / FILE, "SIM-1-"), Memory(tmp_path / FILE, "mimic3/a/now/")
    one.claim()
    other.claim()
    assert one.known == other.known == {}


def test_what_the_program_before_wrote_at_its_end_is_known_to_the_next(tmp_path: Path) -> None:
    before, after = Memory(tmp_path / FILE), Memory(tmp_path / FILE)
    before.claim()
    before.known["a"] = known(41)
    before.save()
    del before  # its end
    after.claim()
    assert after.known["a"].next_seq == 41


def test_a_second_simulator_of_the_same_people_says_so_and_how_to_have_others(tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text('{"http":"","mqtt":{"host":""},"accounts":[]}')
    first = Memory(tmp_path / "simulator.json", "SIM-5/")
    first.claim()
    with pytest.raises(SystemExit, match=r"in use by another program.*--seed"):
        main(["--data-dir", str(tmp_path), "--seed", "5"], {})
