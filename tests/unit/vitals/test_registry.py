"""The registry says what CLINICAL.md's table says."""

import pytest

from vitals.registry import BY_KEY, BY_NAME, HIGH, LOW, VITALS

CLINICAL = {
    "hr": ("8867-4", "/min", (147842,), 20, 300),
    "pulse": ("8889-8", "/min", (149530, 149538), 20, 300),
    "spo2": ("59408-5", "%", (150456,), 30, 100),
    "rr": ("9279-1", "/min", (151562, 151578), 1, 80),
    "temp": ("8310-5", "Cel", (150364, 150344), 25, 44),
    "sbp": ("8480-6", "mm[Hg]", (150021, 150033), 30, 300),
    "dbp": ("8462-4", "mm[Hg]", (150022, 150034), 10, 200),
    "map": ("8478-0", "mm[Hg]", (150023, 150035), 15, 230),
    "glucose": ("2339-0", "mg/dL", (160184,), 10, 1000),
    "etco2": ("19889-5", "mm[Hg]", (151708,), 0, 150),
    "weight": ("29463-7", "kg", (188736,), 0.3, 400),
    "fio2": ("3150-6", "%", (152196,), 21, 100),
    "o2_flow": ("3151-8", "L/min", (), 0, 100),
    "acvpu": ("67775-7", "{A,C,V,P,U}", (), 0, 4),
}


@pytest.mark.parametrize("name", CLINICAL)
def test_codes_unit_and_range_are_those_of_the_clinical_table(name: str) -> None:
    vital = BY_NAME[name]
    assert (next(iter(vital.loinc)), vital.unit, vital.mdc, vital.low, vital.high) == CLINICAL[name]


def test_columns_are_in_registry_order() -> None:
    assert [(v.index, LOW[v.index], HIGH[v.index]) for v in VITALS] == [(i, v.low, v.high) for i, v in enumerate(VITALS)]


@pytest.mark.parametrize(
    ("name", "unit", "value", "canonical"),
    [
        ("temp", "[degF]", 100.5, 38.0555556),
        ("temp", "[degF]", 98.6, 37.0),
        ("sbp", "kPa", 16.0, 120.00992),
        ("glucose", "mmol/L", 5.0, 90.091),
        ("weight", "[lb_av]", 100.0, 45.359237),
        ("weight", "g", 3500.0, 3.5),
        ("hr", "{beats}/min", 72.0, 72.0),
        ("temp", "K", 310.15, 37.0),
        ("o2_flow", "mL/min", 250.0, 0.25),
        ("hr", "Hz", 1.2, 72.0),
        ("pulse", "Hz", 1.2, 72.0),
        ("rr", "/s", 0.25, 15.0),
    ],
)
def test_units_are_converted_as_the_table_says(name: str, unit: str, value: float, canonical: float) -> None:
    assert BY_NAME[name].units[unit](value) == pytest.approx(canonical, abs=1e-6)


def test_a_code_means_one_vital() -> None:
    codes = [str(c) for v in VITALS for c in (*v.loinc, *v.mdc, v.name)]
    assert len(codes) == len(set(codes)) == len(BY_KEY)


def test_a_bare_number_under_the_molar_glucose_code_is_molar() -> None:
    vital, scale = BY_KEY["15074-8"]
    assert (vital.name, scale(5.0)) == ("glucose", pytest.approx(90.091))


def test_a_unit_is_printed_as_people_write_it() -> None:
    assert [BY_NAME[name].printed for name in ("sbp", "temp", "hr")] == ["mmHg", "°C", "/min"]
