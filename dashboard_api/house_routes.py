"""The endpoints of the house: review and audit, rules, rotas, the patient's rights, a page's link. Part of the table of `routes`."""

from typing import Any

from dashboard_api.api import (
    alarm_quality,
    audit_trail,
    break_glass,
    handovers,
    ladders,
    oncall,
    page_link,
    refusals,
    rehearsals,
    rights,
    site_rules,
)
from dashboard_api.cursor import Page
from dashboard_api.policy import Right
from dashboard_api.route import Route

REVIEW: tuple[Route, ...] = (
    Route(
        "GET", "/refusals", Right.REFUSALS, "listRefusals", refusals.listed, "What could not be used",
        query=refusals.RefusalQuery, answer=refusals.Refusals, tag="review",
    ),
    Route(
        "GET", "/refusals/{id}", Right.REFUSALS, "readRefusal", refusals.read, "One refusal with its original bytes",
        answer=refusals.Refusal, errors=(404,), tag="review",
    ),
    Route(
        "POST", "/refusals/{id}/requeue", Right.REFUSALS, "requeueRefusal", refusals.requeue, "Put it back on its way",
        answer=refusals.Refusal, errors=(404, 409, 503), tag="review",
    ),
    Route(
        "POST", "/refusals/{id}/discard", Right.REFUSALS, "discardRefusal", refusals.discard, "Close it",
        answer=refusals.Refusal, errors=(404, 409), tag="review",
    ),
    Route(
        "GET", "/audit", Right.AUDIT_READ, "readAudit", audit_trail.listed, "Who saw or changed what",
        query=audit_trail.AuditQuery, answer=audit_trail.AuditPage, tag="review",
    ),
    Route("GET", "/audit/verify", Right.AUDIT_READ, "verifyAudit", audit_trail.verify, "Prove the chain", answer=audit_trail.Verdict,
    tag="review"),
)  # fmt: skip

RULES: tuple[Route, ...] = (
    Route(
        "GET", "/rules", Right.RULES_READ, "readRules", site_rules.read, "The rules in force, or an earlier version",
        query=site_rules.RulesQuery, answer=site_rules.RulesAnswer, errors=(404,), audited=False, tag="rules",
    ),
    Route(
        "PUT", "/rules", Right.RULES_WRITE, "putRules", site_rules.put, "A new version, taken up without a restart",
        body=site_rules.NewRules, answer=site_rules.RulesAnswer, errors=(409,), tag="rules",
    ),
    Route(
        "GET", "/rules/versions", Right.RULES_READ, "listRuleVersions", site_rules.versions, "Who changed the rules when, and why",
        query=Page, answer=site_rules.RuleVersions, audited=False, tag="rules",
    ),
    Route(
        "GET", "/rules/quality", Right.RULES_READ, "readAlarmQuality", alarm_quality.read, "What alarms cost and are worth",
        answer=alarm_quality.AlarmQuality, audited=False, tag="rules",
    ),
    Route(
        "POST", "/rehearsals", Right.REHEARSE, "createRehearsal", rehearsals.create, "What a changed rule set would have raised",
        body=rehearsals.NewRehearsal, answer=rehearsals.Rehearsal, status=202, tag="rules",
    ),
    Route(
        "GET", "/rehearsals", Right.REHEARSE, "listRehearsals", rehearsals.listed, "Rehearsals",
        query=Page, answer=rehearsals.RehearsalList, audited=False, tag="rules",
    ),
    Route(
        "GET", "/rehearsals/{id}", Right.REHEARSE, "readRehearsal", rehearsals.read, "One rehearsal",
        answer=rehearsals.Rehearsal, errors=(404,), audited=False, tag="rules",
    ),
)  # fmt: skip

ONCALL: tuple[Route, ...] = (
    Route("GET", "/oncall/schedules", Right.ONCALL_READ, "listSchedules", oncall.schedules, "Rotas", answer=oncall.Schedules,
    audited=False, tag="oncall"),
    Route(
        "PUT", "/oncall/schedules/{id}", Right.ONCALL_WRITE, "putSchedule", oncall.put_schedule, "Make or replace a rota",
        body=oncall.ScheduleBody, answer=oncall.ScheduleShown, tag="oncall",
    ),
    Route(
        "DELETE", "/oncall/schedules/{id}", Right.ONCALL_WRITE, "deleteSchedule", oncall.delete_schedule, "Drop a rota",
        status=204, errors=(404,), tag="oncall",
    ),
    Route(
        "GET", "/oncall/schedules/{id}/calendar", Right.ONCALL_READ, "readCalendar", oncall.ics, "The rota as iCalendar",
        answer=str, errors=(404,), audited=False, tag="oncall", media=("text/calendar",),
    ),
    Route("GET", "/oncall/now", Right.ONCALL_READ, "onCallNow", oncall.now, "Who is on", query=oncall.NowQuery, answer=oncall.Now,
    audited=False, tag="oncall"),
    Route("GET", "/oncall/overrides", Right.ONCALL_READ, "listOverrides", oncall.overrides, "Swaps", answer=oncall.Overrides,
    audited=False, tag="oncall"),
    Route(
        "POST", "/oncall/overrides", Right.ONCALL_SWAP, "createOverride", oncall.swap, "Swap, or take a day off",
        body=oncall.NewOverride, answer=oncall.OverrideShown, status=201, tag="oncall",
    ),
    Route("GET", "/oncall/gaps", Right.ONCALL_READ, "listGaps", oncall.gaps, "When nobody is on call", answer=oncall.Gaps, audited=False,
    tag="oncall"),
    Route("GET", "/oncall/people", Right.ONCALL_READ, "listPeople", oncall.people, "Who may be called", answer=oncall.People,
    audited=False, tag="oncall"),
    Route(
        "PUT", "/oncall/people/{name}", Right.ONCALL_WRITE, "putPerson", oncall.put_person, "How somebody is reached",
        body=oncall.Reach, answer=oncall.Person, tag="oncall",
    ),
    Route(
        "GET", "/escalation-policies", Right.ONCALL_READ, "listPolicies", ladders.listed, "Who is called in which order",
        answer=ladders.Ladders, audited=False, tag="oncall",
    ),
    Route(
        "PUT", "/escalation-policies/{id}", Right.ONCALL_WRITE, "putPolicy", ladders.put, "Make or replace a policy",
        body=ladders.LadderBody, answer=ladders.LadderShown, tag="oncall",
    ),
    Route(
        "DELETE", "/escalation-policies/{id}", Right.ONCALL_WRITE, "deletePolicy", ladders.delete, "Drop a policy",
        status=204, errors=(404,), tag="oncall",
    ),
    Route(
        "GET", "/handovers", Right.HANDOVER, "listHandovers", handovers.listed, "Shift handovers",
        query=handovers.HandoverQuery, answer=handovers.Handovers, tag="oncall",
    ),
    Route(
        "POST", "/handovers", Right.HANDOVER, "createHandover", handovers.create, "Make a sheet of what is open now",
        body=handovers.NewHandover, answer=handovers.Handover, status=201, errors=(404,), tag="oncall",
    ),
    Route(
        "POST", "/handovers/{id}/accept", Right.HANDOVER, "acceptHandover", handovers.accept, "Take over, and the pager with it",
        body=handovers.Acceptance, answer=handovers.Handover, errors=(404, 409), tag="oncall",
    ),
)  # fmt: skip

RIGHTS: tuple[Route, ...] = (
    Route(
        "GET", "/patients/{id}/export", Right.EXPORT, "exportPatient", rights.export, "Everything that is held of a patient",
        answer=dict[str, Any], subject="patient", errors=(404,), tag="rights",
    ),
    Route(
        "POST", "/patients/{id}/erasure", Right.ERASE, "erasePatient", rights.erase, "Erase who a patient is",
        body=rights.Erasure, answer=rights.Erased, subject="patient", errors=(404,), tag="rights",
    ),
    Route(
        "GET", "/patients/{id}/consents", Right.CONSENTS_READ, "readConsents", rights.consents, "What the patient agrees to",
        answer=rights.Consents, subject="patient", errors=(404,), tag="rights",
    ),
    Route(
        "PUT", "/patients/{id}/consents", Right.CONSENTS_WRITE, "putConsents", rights.put_consents, "Agree or withdraw",
        body=rights.ConsentsBody, answer=rights.Consents, subject="patient", errors=(404,), tag="rights",
    ),
    Route(
        "POST", "/break-glass", Right.BREAK_GLASS, "breakGlass", break_glass.break_glass, "Access outside the care team, for an hour",
        body=break_glass.BreakGlass, answer=break_glass.Grant, status=201, errors=(404, 409), tag="rights",
    ),
    Route(
        "GET", "/break-glass", Right.AUDIT_READ, "listBrokenGlass", break_glass.listed, "Who broke glass, for the review",
        query=Page, answer=break_glass.Grants, tag="rights",
    ),
    Route(
        "POST", "/break-glass/{id}/review", Right.AUDIT_READ, "reviewBrokenGlass", break_glass.review, "Note that it was looked at",
        answer=break_glass.Grant, errors=(404,), tag="rights",
    ),
)  # fmt: skip

LINKS: tuple[Route, ...] = tuple(
    Route(
        method,
        "/page/{token}",
        None,
        action,
        handler,
        summary,
        answer=str,
        errors=(410,),
        audited=False,
        tag="oncall",
        media=("text/html",),
    )
    for method, action, handler, summary in (
        ("GET", "lookAtPage", page_link.look, "What a page is about"),
        ("POST", "usePageLink", page_link.use, "Acknowledge from the page, once"),
    )
)
