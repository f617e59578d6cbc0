"""A comparison of two rule sets, for a person: as lines of text, and as a page with a picture.

In: a `Comparison`. Out: text, HTML with an inline picture (no script, nothing from elsewhere). Only pseudonyms appear.
"""

from streams.detect.comparison import Comparison
from streams.detect.rehearsal import Summary

_WIDTH, _HEIGHT = 720, 200


def text(c: Comparison, took_s: float) -> str:
    """The table."""
    rows = [f"{'':<34}{'in force':>10}{'changed':>10}   alerts a patient-day, over {c.before.patient_days:,.1f} patient-days"]
    keys = sorted({*c.before.by_rule, *c.after.by_rule})
    rows += [f"{' '.join(key):<34}{c.before.by_rule.get(key, 0):>10.2f}{c.after.by_rule.get(key, 0):>10.2f}" for key in keys]
    rows.append(f"{'all':<34}{c.before.total:>10.2f}{c.after.total:>10.2f}")
    rows.append(f"events (high in force): {c.found} found, {len(c.lost)} lost; found {c.lead_s:+.0f} s earlier (median)")
    rows += [f"lost: {f.patient} {f.title}, {f.started_at} ms" for f in c.lost[:20]]
    rows.append(f"took {took_s:.1f} s")
    return "\n".join(rows)


def html(c: Comparison) -> str:
    """The same with bars by the hour of the day: left in force, right changed."""
    table = "".join(
        f"<tr><td>{' '.join(key)}</td><td>{c.before.by_rule.get(key, 0):.2f}</td><td>{c.after.by_rule.get(key, 0):.2f}</td></tr>"
        for key in sorted({*c.before.by_rule, *c.after.by_rule})
    )
    return (
        "<!doctype html><meta charset=utf-8><title>Rehearsal</title>"
        f"<h1>Rehearsal over {c.before.patient_days:,.1f} patient-days</h1>"
        f"<p>Alerts a patient-day: {c.before.total:.2f} in force, {c.after.total:.2f} changed. "
        f"Events: {c.found} found, {len(c.lost)} lost, {c.lead_s:+.0f} s earlier (median).</p>"
        f"<table><tr><th>rule<th>in force<th>changed</tr>{table}</table><h2>By the hour (UTC)</h2>{_bars(c.before, c.after)}"
    )


def _bars(before: Summary, after: Summary) -> str:
    most = max(*before.by_hour, *after.by_hour, 1e-9)
    step = _WIDTH / 24
    shapes = []
    for hour, pair in enumerate(zip(before.by_hour, after.by_hour, strict=True)):
        for side, (times, fill) in enumerate(zip(pair, ("#888", "#06c"), strict=True)):
            tall = times / most * _HEIGHT
            x = hour * step + side * step * 0.4
            shapes.append(f'<rect x="{x:.1f}" y="{_HEIGHT - tall:.1f}" width="{step * 0.38:.1f}" height="{tall:.1f}" fill="{fill}"/>')
        shapes.append(f'<text x="{hour * step:.1f}" y="{_HEIGHT + 14}" font-size="10">{hour}</text>')
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 20}" role="img" aria-label="alerts by hour">{"".join(shapes)}</svg>'
