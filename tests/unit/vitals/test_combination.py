"""What a rule reckons of several vitals, and that a rule set that is wrong is refused with the line named."""

from importlib import resources
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitals.combination import Expression, value
from vitals.registry import V, index
from vitals.rules import RuleError, default, parsed

SHIPPED = resources.files("vitals").joinpath("rules.json").read_bytes()


def reckoned(expression, **vitals):
    values = np.full((1, V), np.nan)
    for name, x in vitals.items():
        values[0, index(name)] = x
    return float(value(msgspec.json.decode(expression, type=Expression), values)[0])


@pytest.mark.parametrize(
    ("expression", "vitals", "result"),
    [
        ('{"ratio": ["hr", "sbp"]}', {"hr": 120, "sbp": 80}, 1.5),
        ('{"difference": ["sbp", "dbp"]}', {"sbp": 120, "dbp": 80}, 40.0),
        ('{"sum": ["hr", "rr"]}', {"hr": 100, "rr": 20}, 120.0),
        ('{"product": ["hr", "sbp"]}', {"hr": 100, "sbp": 120}, 12_000.0),
        ('{"mean": ["sbp", "dbp"]}', {"sbp": 120, "dbp": 80}, 100.0),
        ('{"all_of": [{"vital": "hr", "above": 100}, {"vital": "sbp", "below": 100}]}', {"hr": 101, "sbp": 99}, 1.0),
        ('{"all_of": [{"vital": "hr", "above": 100}, {"vital": "sbp", "below": 100}]}', {"hr": 101, "sbp": 100}, 0.0),
        ('{"any_of": [{"vital": "hr", "above": 100}, {"vital": "sbp", "below": 100}]}', {"hr": 100, "sbp": 99}, 1.0),
        ('{"count_of": [{"vital": "hr", "above": 90}, {"vital": "rr", "above": 20}, {"vital": "temp", "above": 38, "below": 36}]}',
         {"hr": 91, "rr": 20, "temp": 35.9}, 2.0),
    ],
)  # fmt: skip
def test_each_form_says_its_value(expression, vitals, result):
    assert reckoned(expression, **vitals) == pytest.approx(result)


@pytest.mark.parametrize("form", ["ratio", "sum", "product", "mean", "difference"])
def test_a_missing_vital_makes_it_unknown(form):
    assert np.isnan(reckoned(f'{{"{form}": ["hr", "sbp"]}}', hr=100))


def test_a_ratio_to_nothing_is_unknown():
    assert np.isnan(reckoned('{"ratio": ["hr", "etco2"]}', hr=100, etco2=0))


@given(hr=st.floats(20, 300), sbp=st.floats(30, 300), at=st.floats(20, 300))
def test_all_of_is_at_most_any_of(hr, sbp, at):
    parts = f'[{{"vital": "hr", "above": {at}}}, {{"vital": "sbp", "below": {at}}}]'
    assert reckoned(f'{{"all_of": {parts}}}', hr=hr, sbp=sbp) <= reckoned(f'{{"any_of": {parts}}}', hr=hr, sbp=sbp)


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('["hr", "sbp"]}', '["hr", "sbx"]}', "no such vital: sbx"),
        ('{"ratio": ["hr", "sbp"]}', "{}", "exactly one of"),
        ('{"ratio": ["hr", "sbp"]}', '{"ratio": ["hr", "sbp"], "sum": ["hr", "rr"]}', "exactly one of"),
        ('{"ratio": ["hr", "sbp"]}', '{"sum": ["hr"]}', "at least two vitals"),
        ('{"ratio": ["hr", "sbp"]}', '{"all_of": [{"vital": "hr"}, {"vital": "rr", "above": 20}]}', "hr: above or below what?"),
        ('{"ratio": ["hr", "sbp"]}', '{"rate": ["hr", "sbp"]}', "unknown field `rate`"),
        ('"high": [1.0, 1.3]', '"high": [1.0, 0.9]', "the second step must not be below the first"),
        ('"high": [1.0, 1.3]', '"low": [1.0, 1.3]', "the second step must not be above the first"),
        ('"high": [1.0, 1.3],', "", "low or high"),
        ('"fresh_s": 600, "wait_s": [900, 300]', '"fresh_s": 600, "wait_s": [300, 900]', "the second step must not wait longer"),
        ('{"fall": [2, 3]}', '{"fall": [3, 2]}', "the second step must not be milder"),
        ('"drift": {"priority": {}', '"drift": {"priority": {"glucose": "low"}', "it has no habit to differ from"),
        ('"trend": {"priority": {"glucose": "medium"}', '"trend": {"priority": {"weight": "low"}', "no such vital"),
        ('"reach": 8', '"reach": "8"', "Expected `float`"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_line(right, wrong, says):
    line = SHIPPED.decode()[: SHIPPED.decode().index(right)].count("\n") + 1
    with pytest.raises(RuleError, match=f"line {line}: .*{says.split(':')[0]}"):
        parsed(SHIPPED.replace(right.encode(), wrong.encode(), 1))


def test_more_combinations_than_timers_are_refused():
    rules = msgspec.json.decode(SHIPPED)
    rules["combinations"] = {f"c{i}": rules["combinations"]["shock index"] for i in range(9)}
    with pytest.raises(RuleError, match="at most 8"):
        parsed(msgspec.json.encode(rules))


def test_a_rule_set_from_before_these_detectors_has_them_off():
    rules = msgspec.json.decode(SHIPPED)
    for name in ("jump", "stuck", "pace", "trend", "drift", "shift", "habit", "agreement", "outage", "combinations"):
        del rules[name]
    old = parsed(msgspec.json.encode(rules))
    assert (old.stuck, old.outage, dict(old.combinations), default().stuck is None) == (None, None, {}, False)


def test_the_combinations_of_the_documentation_are_rules():
    text = (Path(__file__).resolve().parents[3] / "docs" / "detectors.md").read_text()
    shown = msgspec.json.decode("{" + text.split("```json")[1].split("```")[0] + "}")
    rules = msgspec.json.decode(SHIPPED) | shown
    assert list(parsed(msgspec.json.encode(rules)).combinations) == ["shock index", "SIRS signs"]
