"""The one-time link in a page: what it is about, without a patient, and one button that acknowledges.

In: a token of `vitals.pagelink`, which is the proof of who may. Out: a small HTML page without scripts. Promise: looking uses nothing up;
the button works once; a link that is forged, expired or used says so and does nothing.
"""

import html
import uuid

from starlette.responses import Response

from dashboard_api.api.scores import milliseconds
from dashboard_api.audit import Entry
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Row
from vitals.alert import Command
from vitals.errors import PartAway
from vitals.pagelink import page_of

_SELECT = """SELECT p.id, p.alert, p.ward, p.bed, p.priority, p.person, a.state, a.patient, u.used_at
             FROM alerting.page p JOIN alerting.alert a ON a.id = p.alert LEFT JOIN alerting.link_use u ON u.page = p.id WHERE p.id = %s"""
_FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Vigil</title><style>body{{font:1.2rem system-ui;margin:2rem;max-width:30rem}}button{{font:inherit;padding:1rem 2rem}}</style></head>
<body><main><h1>{title}</h1><p>{text}</p>{form}</main></body></html>"""
_BUTTON = '<form method="post"><button type="submit">Acknowledge</button></form>'


async def look(call: Call) -> Reply:
    """Priority, ward, bed and state."""
    page = await _page(call)
    if isinstance(page, str):
        return _said("This link is no good", page, status=410)
    about = (
        f"{page['priority']} priority alert, ward {page['ward']}" + (f", bed {page['bed']}" if page["bed"] else "") + f": {page['state']}."
    )
    return _said("Alert", about, "" if page["used_at"] else _BUTTON)


async def use(call: Call) -> Reply:
    """Acknowledges, once."""
    page = await _page(call)
    if isinstance(page, str):
        return _said("This link is no good", page, status=410)
    actor = page["person"] or "page link"
    claim = "INSERT INTO alerting.link_use (page, used_at, action, actor) VALUES (%s, %s, 'acknowledge', %s) ON CONFLICT DO NOTHING"
    if not await call.site.database.do(claim, [page["id"], call.now, actor]):
        return _said("This link is no good", "It was used already.", status=410)
    command = Command(
        id=str(uuid.uuid5(uuid.UUID(page["id"]), "acknowledge")), alert=page["alert"], patient=page["patient"], action="acknowledge",
        actor=actor,
        role="oncall", at=milliseconds(call.now),
    )  # fmt: skip
    try:
        answer = await call.site.commands.give(command)
    except PartAway:
        await call.site.database.do("DELETE FROM alerting.link_use WHERE page = %s", [page["id"]])
        raise
    outcome = "done" if answer is None or answer.accepted else "failed"
    entry = Entry(
        at=call.now, actor=actor, role="oncall", action="usePageLink", resource="POST /page/…", outcome=outcome, patient=page["patient"],
        detail={"alert": page["alert"], "page": page["id"]},
    )  # fmt: skip
    await call.site.audit.write(entry)
    if answer is not None and not answer.accepted:
        return _said("Not acknowledged", f"The alert does not allow it any more: {answer.reason.replace('_', ' ')}.", status=409)
    return _said("Acknowledged", "Nobody else is called for this now." if answer else "It is being taken in.")


async def _page(call: Call) -> Row | str:
    """The page that the token names, or a sentence of why not."""
    found = page_of(call.site.keys.secret, call.path["token"], milliseconds(call.now))
    if isinstance(found, str):
        return {"expired": "It has expired.", "forged": "It was not made here.", "malformed": "It is not whole."}[found]
    row = await call.site.database.row(_SELECT, [str(found)])
    return row if row is not None else "The page that it is about is not known."


def _said(title: str, text: str, form: str = "", status: int = 200) -> Reply:
    body = _FRAME.format(title=html.escape(title), text=html.escape(text), form=form)
    return Reply(raw=Response(body, status, {"Cache-Control": "no-store"}, media_type="text/html; charset=utf-8"))
