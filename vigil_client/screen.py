"""A ward as text. Pure.

In: a ward, the terminal's size. Out: lines; on a terminal with colour, weight and grey, else plain words only: what colour says a word says
too.
"""

from vigil_client.shapes import Alert, AlertChange, Event, LiveVital
from vigil_client.ward import Tile, Ward, by_need, calling, grey, ranked

_SHOWN = {"hr": 5, "spo2": 6, "rr": 5, "bp": 10, "temp": 6, "acvpu": 5}
"""What a line has room for, and how much: on 80 columns there is some left for the alert."""
_SHAPE = {"high": "!!!", "medium": "!!", "low": "!"}
_COLOUR = {"high": "\x1b[1;97;41m", "medium": "\x1b[30;43m", "low": "\x1b[36m"}
_GREY, _OFF, _BOLD = "\x1b[2m", "\x1b[0m", "\x1b[1m"
CLEAR = "\x1b[H\x1b[J"
_BEHIND_MS = 5000


def screen(ward: Ward, title: str, size: tuple[int, int]) -> str:
    """The whole screen, (columns, rows); patients who do not fit are counted, never left out in silence."""
    columns, rows = size
    tiles = by_need(ward)
    fit = tiles[: max(1, rows - 5)]
    lines = [_BOLD + _cut(head(ward, title), columns) + _OFF, _cut(_columns(), columns)]
    lines += [coloured(tile, columns) for tile in fit]
    if len(fit) < len(tiles):
        lines.append(f"... and {len(tiles) - len(fit)} more who need less")
    return CLEAR + "\r\n".join([*lines, "", "q quits"])


def head(ward: Ward, title: str) -> str:
    """The first line: how many, how many call, and whether what is shown is behind."""
    calls = sum(calling(a) for tile in ward.tiles.values() for a in tile.alerts.values())
    behind = f"  BEHIND by {ward.behind_ms / 1000:.0f} s" if ward.behind_ms > _BEHIND_MS else ""
    return f"{title}: {len(ward.tiles)} patients, {calls} calling{behind}"


def coloured(tile: Tile, columns: int) -> str:
    """One patient's line: the loudest alert's colour, grey where nothing is fresh."""
    loudest = next(iter(ranked(tile)), None)
    text = _cut(line(tile), columns)
    if loudest is not None and calling(loudest):
        return _COLOUR[loudest.priority] + text + _OFF
    return _GREY + text + _OFF if grey(tile) else text


def line(tile: Tile) -> str:
    """One patient's line in plain words."""
    values = " ".join(f"{_shown(tile, name):>{width}}" for name, width in _SHOWN.items())
    alert = next(iter(ranked(tile)), None)
    offline = "offline " if (tile.link or {}).get("state") == "offline" else ""
    said = words(alert) if alert is not None else ""
    return f"{_place(tile):<10} {_news2(tile):>6} {values} {offline}{said}".rstrip()


def words(alert: Alert) -> str:
    """An alert: shape, priority, state, what it is about."""
    return f"{_SHAPE[alert.priority]} {alert.priority} {alert.state}: {alert.title}"


def changed(event: Event) -> str | None:
    """A line for where there is no terminal: one for each change of an alert."""
    if not isinstance(event, AlertChange):
        return None
    alert = event.alert
    return f"{alert.started_at:%Y-%m-%dT%H:%M:%SZ} {alert.ward} {alert.patient} {words(alert)}"


def value(vital: LiveVital | None) -> str:
    """A number as it may be read: in brackets when it is old, with a question mark when in doubt, `--` for none."""
    if vital is None or vital.value is None or vital.state == "no_value":
        return "--"
    text = f"{vital.value:g}" if isinstance(vital.value, (int, float)) else vital.value
    return {"stale": f"({text})", "doubtful": f"{text}?"}.get(vital.state, text)


def _shown(tile: Tile, name: str) -> str:
    if name != "bp":
        return value(tile.vitals.get(name))
    halves = [value(tile.vitals.get(half)) for half in ("sbp", "dbp")]
    return "--" if halves == ["--", "--"] else "/".join(halves)


def _place(tile: Tile) -> str:
    return f"{tile.ward[: 9 - len(tile.bed[:4])]}/{tile.bed[:4]}"


def _news2(tile: Tile) -> str:
    score = tile.score
    if not score:
        return "--"
    lowest, highest = score.get("lowest"), score.get("highest")
    return f"{lowest}" if lowest == highest else f"{lowest}-{highest}"


def _columns() -> str:
    return f"{'ward/bed':<10} {'NEWS2':>6} " + " ".join(f"{name:>{width}}" for name, width in _SHOWN.items()) + " alerts"


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else text[: columns - 1] + "…"
