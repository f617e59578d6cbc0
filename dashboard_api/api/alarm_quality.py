"""What the alarms are worth and what they cost: precision by rule from people's own judgement, delays by stage, pages by ward and day."""

from datetime import datetime, timedelta

import msgspec

from dashboard_api.route import Call, Reply

REHEARSE = "/api/v1/rehearsals"
_DAYS = timedelta(days=14)
_PAGES = """SELECT ward, day, pages, alerts::bigint, patients FROM alerting.pages_by_ward_day WHERE day > %s
            ORDER BY day DESC, ward LIMIT 1000"""


class RuleWorth(msgspec.Struct, frozen=True, kw_only=True):
    """`judged`: alerts of which somebody said whether they were useful. `rehearse`: where a changed rule is tried on stored history."""

    rule: str
    alerts: int
    judged: int
    useful: int
    precision: float | None
    rehearse: str


class StageDelay(msgspec.Struct, frozen=True, kw_only=True):
    """From the step before to `stage` (acknowledged: from raised), the last seven days."""

    priority: str
    stage: str
    alerts: int
    p50_ms: int
    p99_ms: int


class WardDay(msgspec.Struct, frozen=True, kw_only=True):
    """How many pages a ward had, for how many alerts of how many patients."""

    ward: str
    day: datetime
    pages: int
    alerts: int
    patients: int


class AlarmQuality(msgspec.Struct, frozen=True, kw_only=True):
    """`rules` worst first, those that nobody judged last."""

    rules: list[RuleWorth]
    delays: list[StageDelay]
    pages: list[WardDay]


async def read(call: Call) -> Reply:
    """Counts only: of nobody in particular."""
    database = call.site.database
    rules = await database.rows("SELECT rule, alerts, judged, useful, precision FROM alerting.rule_precision LIMIT 200")
    delays = await database.rows("SELECT priority, stage, alerts, p50_ms, p99_ms FROM alerting.stage_delays ORDER BY 1, 2")
    pages = await database.rows(_PAGES, [call.now - _DAYS])
    return Reply({"rules": [row | {"rehearse": REHEARSE} for row in rules], "delays": delays, "pages": pages})
