"""Naive limits against Vigil as a picture: bars of alerts a patient-day, and beside each what it found.

In: rows. Out: an SVG of its own (no script, nothing from elsewhere), with the figures written out, so that colour alone says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _ROW, _LEFT, _RIGHT, _TOP = 860, 34, 330, 170, 46
_FILLS = {"naive": "#8a8a8a", "vigil": "#0b66c3"}


@dataclass(frozen=True, slots=True)
class Row:
    """One bar. side: naive or vigil. a_day: alerts a patient-day. found of events: what it found."""

    group: str
    name: str
    side: str
    a_day: float
    found: int
    events: int


def svg(rows: Sequence[Row]) -> str:
    """All rows under each other, each group to its own scale."""
    tall = _TOP + _ROW * len(rows) + 10
    shapes = [
        _text(10, 20, "Alerts a patient-day: naive limits and Vigil, on the same readings", 15),
        _text(_WIDTH - _RIGHT + 10, 38, "events found", 12),
        _text(_LEFT, 38, "alerts a patient-day", 12),
    ]
    for place, row in enumerate(rows):
        most = max(r.a_day for r in rows if r.group == row.group) or 1.0
        shapes.append(_bar(row, _TOP + place * _ROW, row.a_day / most * (_WIDTH - _LEFT - _RIGHT - 60)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {tall}" width="{_WIDTH}" height="{tall}" role="img" '
        'aria-label="alerts a patient-day" font-family="sans-serif"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(shapes)}</svg>\n"
    )


def _bar(row: Row, y: int, wide: float) -> str:
    middle = y + _ROW / 2 + 4
    return "".join(
        (
            _text(10, middle, f"{row.group}: {row.name}", 12),
            f'<rect x="{_LEFT}" y="{y + 5}" width="{wide:.1f}" height="{_ROW - 10}" fill="{_FILLS[row.side]}"/>',
            _text(_LEFT + wide + 6, middle, f"{row.a_day:.2f}", 12),
            _text(_WIDTH - _RIGHT + 10, middle, f"{row.found} of {row.events}", 12),
        )
    )


def _text(x: float, y: float, said: str, size: int) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="#1a1a1a">{escape(said)}</text>'
