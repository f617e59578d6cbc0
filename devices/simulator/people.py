"""The made-up people of the simulated wards. Pure and seeded: the same seed makes the same people, and no real one's data is used."""

import random

from devices.enrolment import Person
from devices.simulator.stories import Story

BEDS = 12
WARDS = ("north", "south", "east", "west")
_FIRST = {
    "female": ("Ada", "Beatriz", "Chiara", "Dunja", "Elif", "Freya", "Greta", "Hana", "Ines", "Keiko", "Leila", "Priya"),
    "male": ("Anton", "Bruno", "Carlos", "Dario", "Emil", "Farid", "Goran", "Henrik", "Jonas", "Kofi", "Mateo", "Pavel"),
}
_LAST = (
    "Aalto", "Bergmann", "Castro", "Dvorak", "Eriksen", "Fontaine", "Gruber", "Haddad", "Ito", "Jensen", "Kovacs",
    "Lindqvist", "Moreau", "Novak", "Okafor", "Petrov", "Quintana", "Rossi", "Sato", "Tanaka", "Varga", "Weber",
)  # fmt: skip


def ward_of(place: int) -> tuple[str, str]:
    """Id and name of the ward of the patient at `place`: north, south, east, west, then north-2, ..."""
    ward = place // BEDS
    name, again = WARDS[ward % len(WARDS)], ward // len(WARDS)
    return (name, name.title()) if again == 0 else (f"{name}-{again + 1}", f"{name.title()} {again + 1}")


def person(place: int, story: Story, seed: int) -> Person:
    """The patient at `place`, an adult."""
    rng = random.Random(seed * 100_003 + place)
    sex = rng.choice(("female", "male"))
    return Person(
        mrn=f"SIM-{seed}-{place + 1:05d}-{story.spo2_scale}",
        name=f"{rng.choice(_FIRST[sex])} {rng.choice(_LAST)}",
        birth_date=f"{rng.randint(1936, 2002)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        sex=sex,
        ward=ward_of(place)[0],
        bed=f"{place % BEDS + 1:02d}",
        spo2_scale=story.spo2_scale,
    )
