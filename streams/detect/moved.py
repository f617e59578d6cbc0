"""Whether a device has left the patient on whom it was: what the other partitions in hand know of it, and what its link says.

In: a slot of a memory. Out: yes or no. A memory sees by itself only that a device went to another of its own patients (`Memory.slot`).
"""

from streams.detect.memory import Memory


def moved(memory: Memory, slot: int) -> bool:
    """The device was observed on another memory's patient since, or is linked with another patient since it was heard of here."""
    device, d = memory.names[slot], memory.devices
    link = memory.links.get(device)
    if link is not None and link.patient not in (None, memory.patients[d.row[slot]]) and link.at > d.heard[slot]:
        return True
    return any(_observed(other, device) > d.at[slot] for other in memory.house if other is not memory)


def _observed(memory: Memory, device: str) -> int:
    """When `device` was last observed on the patient on whom it is in `memory`, ms; 0: it is on none."""
    slot = memory.current_slot.get(device)
    return 0 if slot is None else int(memory.devices.at[slot])
