"""Every endpoint of `/api/v1`: the one table that routing, policy, audit and the OpenAPI document are made of."""

from typing import Any

from dashboard_api.alertmanager import AlertmanagerPayload
from dashboard_api.api import (
    accounts,
    alerts,
    assignments,
    certificates,
    described,
    device_config,
    devices,
    explain,
    history,
    limits,
    machinery,
    notes,
    openid,
    patients,
    scores,
    second_factors,
    session,
    token,
    wards,
)
from dashboard_api.cursor import Page
from dashboard_api.fhir import endpoints as fhir
from dashboard_api.fhir import intake
from dashboard_api.fhir.outcome import MEDIA_TYPE as FHIR_JSON
from dashboard_api.house_routes import LINKS, ONCALL, REVIEW, RIGHTS, RULES
from dashboard_api.policy import Right
from dashboard_api.route import Handler, Route, Subject

PREFIX, FHIR_BASE = "/api/v1", fhir.BASE

ACCESS: tuple[Route, ...] = (
    Route("POST", "/token", None, "token", token.token, "Log in, or renew", answer=token.Tokens, errors=(400, 401), tag="access"),
    Route("GET", "/login/methods", None, "loginMethods", openid.methods, "How one may log in here", answer=openid.Methods, tag="access"),
    Route(
        "GET", "/login/oidc", None, "beginOidc", openid.begin, "Log in with the OpenID provider",
        query=openid.BeginQuery, status=302, errors=(404,), tag="access",
    ),
    Route(
        "GET", "/login/oidc/callback", None, "finishOidc", openid.back, "Come back from the OpenID provider",
        query=openid.BackQuery, status=302, errors=(404,), tag="access",
    ),
    Route("GET", "/me/second-factor", Right.ME, "readSecondFactor", second_factors.read, "Whether I have a second factor",
    answer=second_factors.State, audited=False, tag="access"),
    Route("POST", "/me/second-factor", Right.ME, "offerSecondFactor", second_factors.offer, "Set a second factor up",
    answer=second_factors.Offer, status=201, errors=(409,), tag="access"),
    Route(
        "POST", "/me/second-factor/confirm", Right.ME, "confirmSecondFactor", second_factors.confirm, "Confirm it with a code",
        body=second_factors.Code, answer=second_factors.Recovery, tag="access",
    ),
    Route(
        "POST", "/me/second-factor/remove", Right.ME, "removeSecondFactor", second_factors.remove, "Take it away, with a code",
        body=second_factors.Code, status=204, tag="access",
    ),
    Route("GET", "/me", Right.ME, "me", session.me, "Who I am and what I may do", answer=session.Me, audited=False, tag="access"),
    Route("POST", "/logout", Right.ME, "logout", session.log_out, "End this session", body=session.Revocation, status=204, tag="access"),
    Route("GET", "/accounts", Right.ACCOUNTS, "listAccounts", accounts.listed, "Accounts", query=Page, answer=accounts.AccountList,
    tag="access"),
    Route(
        "POST", "/accounts", Right.ACCOUNTS, "createAccount", accounts.create, "Make an account",
        body=accounts.NewAccount, answer=accounts.Account, status=201, errors=(409,), tag="access",
    ),
    Route(
        "PUT", "/accounts/{username}", Right.ACCOUNTS, "changeAccount", accounts.change, "Link, disable, give a new password",
        body=accounts.AccountChange, answer=accounts.Account, errors=(404,), tag="access",
    ),
)  # fmt: skip

WARD: tuple[Route, ...] = (
    Route("GET", "/wards", Right.WARDS_READ, "listWards", wards.listed, "Wards", query=Page, answer=wards.Wards, audited=False,
    tag="wards"),
    Route(
        "POST", "/wards", Right.WARDS_WRITE, "createWard", wards.create, "Open a ward",
        body=wards.NewWard, answer=wards.Ward, status=201, errors=(409,), tag="wards",
    ),
    Route(
        "GET", "/patients", Right.PATIENTS_READ, "listPatients", patients.listed, "Patients within reach",
        query=patients.PatientQuery, answer=patients.Patients, tag="patients",
    ),
    Route(
        "POST", "/patients", Right.PATIENTS_REGISTER, "createPatient", patients.create, "Register a patient",
        body=patients.NewPatient, answer=patients.Patient, status=201, errors=(409,), tag="patients",
    ),
    Route(
        "GET", "/patients/{id}", Right.PATIENTS_READ, "readPatient", patients.read, "One patient",
        answer=patients.Patient, subject="patient", errors=(404,), tag="patients",
    ),
    Route(
        "PATCH", "/patients/{id}", Right.PATIENTS_CHANGE, "changePatient", patients.change, "Change a patient",
        body=patients.PatientChange, answer=patients.Patient, subject="patient", errors=(404, 409), tag="patients",
    ),
)  # fmt: skip

DEVICE: tuple[Route, ...] = (
    Route(
        "GET", "/devices", Right.DEVICES_READ, "listDevices", devices.listed, "Devices, on whom, and their links",
        query=devices.DeviceQuery, answer=devices.Devices, tag="devices",
    ),
    Route(
        "POST", "/devices", Right.DEVICES_WRITE, "enrolDevice", devices.enrol, "Enrol a device; its secret is shown once",
        body=devices.NewDevice, answer=devices.Enrolled, status=201, errors=(503,), tag="devices",
    ),
    Route("GET", "/devices/{id}", Right.DEVICES_READ, "readDevice", devices.read, "One device", answer=devices.Device, errors=(404,),
    tag="devices"),
    Route(
        "DELETE", "/devices/{id}", Right.DEVICES_WRITE, "revokeDevice", devices.revoke, "Revoke a device at once",
        status=204, errors=(404, 503), tag="devices",
    ),
    Route(
        "POST", "/devices/{id}/secret", Right.DEVICES_WRITE, "renewDeviceSecret", devices.new_secret, "Another secret for a device",
        answer=devices.Enrolled, errors=(404, 409, 503), tag="devices",
    ),
    Route(
        "GET", "/devices/{id}/config", Right.DEVICES_READ, "readDeviceConfig", device_config.read, "What a device is told to do",
        answer=device_config.ToldConfig, errors=(404,), tag="devices",
    ),
    Route(
        "PUT", "/devices/{id}/config", Right.DEVICES_WRITE, "putDeviceConfig", device_config.put, "Tell a device how often, and of curves",
        body=device_config.NewDeviceConfig, answer=device_config.ToldConfig, errors=(404, 409, 503), tag="devices",
    ),
    Route(
        "POST", "/devices/{id}/certificate", Right.DEVICES_WRITE, "certifyDevice", certificates.certify, "A certificate for a device",
        body=certificates.NewCertificate, answer=certificates.Certified, status=201, errors=(404, 409, 503), tag="devices",
    ),
    Route(
        "GET", "/devices/{id}/assignments", Right.DEVICES_READ, "listAssignments", assignments.listed, "On whom it was when",
        answer=assignments.Assignments, errors=(404,), tag="devices",
    ),
    Route(
        "GET", "/patients/{id}/assignments", Right.DEVICES_READ, "listPatientAssignments", assignments.of_patient, "Its devices",
        answer=assignments.WornList, subject="patient", errors=(404,), tag="devices",
    ),
    Route(
        "POST", "/devices/{id}/assignments", Right.DEVICES_WRITE, "assignDevice", assignments.create, "Put a device on a patient",
        body=assignments.NewAssignment, answer=assignments.Assignment, status=201, errors=(404, 409), tag="devices",
    ),
    Route(
        "PATCH", "/devices/{id}/assignments/{n}", Right.DEVICES_WRITE, "correctAssignment", assignments.change,
        "Close or correct an assignment",
        body=assignments.AssignmentChange, answer=assignments.Assignment, errors=(404, 409), tag="devices",
    ),
)  # fmt: skip

CARE: tuple[Route, ...] = (
    Route(
        "GET", "/patients/{id}/vitals", Right.VITALS_READ, "readVitals", history.read, "Vitals through time",
        query=history.VitalsQuery, answer=history.History, subject="patient", errors=(404,), tag="care",
    ),
    Route(
        "GET", "/patients/{id}/score", Right.VITALS_READ, "readScore", scores.read, "NEWS2 with its inputs",
        query=scores.ScoreQuery, answer=scores.Score, subject="patient", errors=(404,), tag="care",
    ),
    Route(
        "GET", "/patients/{id}/limits", Right.LIMITS_READ, "readLimits", limits.read, "The patient's own limits",
        answer=dict[str, Any], subject="patient", errors=(404,), tag="care",
    ),
    Route(
        "PUT", "/patients/{id}/limits", Right.LIMITS_WRITE, "putLimits", limits.put, "Set, change or remove limits",
        body=limits.LimitsBody, answer=dict[str, Any], subject="patient", errors=(404,), tag="care",
    ),
    Route(
        "GET", "/patients/{id}/explain", Right.EXPLAIN, "explain", explain.read, "Why it did, why it didn't",
        query=explain.ExplainQuery, answer=explain.Explanation, subject="patient", errors=(404,), tag="care",
    ),
    Route(
        "GET", "/patients/{id}/notes", Right.NOTES_READ, "listNotes", notes.listed, "Notes, newest first",
        query=Page, answer=notes.Notes, subject="patient", errors=(404,), tag="care",
    ),
    Route(
        "POST", "/patients/{id}/notes", Right.NOTES_WRITE, "createNote", notes.create, "Write a note, or strike one out",
        body=notes.NewNote, answer=notes.Note, subject="patient", status=201, errors=(404, 409), tag="care",
    ),
    Route("GET", "/alerts", Right.ALERTS_READ, "listAlerts", alerts.listed, "Alerts", query=alerts.AlertQuery, answer=alerts.Alerts,
    tag="alerts"),
    Route(
        "GET", "/alerts/{id}", Right.ALERTS_READ, "readAlert", alerts.read, "One alert with its timeline",
        answer=alerts.Alert, subject="alert", errors=(404,), tag="alerts",
    ),
    Route(
        "POST", "/alerts/{id}/actions", Right.ALERTS_ACT, "actOnAlert", alerts.act, "Do something about an alert",
        body=alerts.AlertAction, answer=alerts.Alert, subject="alert", errors=(404, 409, 503), tag="alerts",
    ),
    Route(
        "POST", "/alertmanager", Right.ALERTS_WRITE, "takeAlertmanager", machinery.take, "Alertmanager's webhook",
        body=AlertmanagerPayload, answer=machinery.Taken, tag="alerts",
    ),
)  # fmt: skip

_FHIR: tuple[tuple[str, Right | None, str, Handler, str, Subject], ...] = (
    ("/metadata", None, "fhirMetadata", fhir.metadata, "Capability statement", ""),
    ("/Patient", Right.PATIENTS_READ, "fhirSearchPatients", fhir.search_patients, "Patients", ""),
    ("/Patient/{id}", Right.PATIENTS_READ, "fhirReadPatient", fhir.read_patient, "One patient", "patient"),
    ("/Device", Right.DEVICES_READ, "fhirSearchDevices", fhir.search_devices, "Devices", ""),
    ("/Device/{id}", Right.DEVICES_READ, "fhirReadDevice", fhir.read_device, "One device", ""),
    ("/Observation", Right.VITALS_READ, "fhirSearchObservations", fhir.search_observations, "Readings and NEWS2", ""),
    ("/Observation/$lastn", Right.VITALS_READ, "fhirLastObservations", fhir.last_observations, "The newest of each kind", ""),
    ("/Observation/{id}", Right.VITALS_READ, "fhirReadObservation", fhir.read_observation, "One reading", ""),
    ("/DetectedIssue", Right.ALERTS_READ, "fhirSearchIssues", fhir.search_issues, "Alerts", ""),
    ("/DetectedIssue/{id}", Right.ALERTS_READ, "fhirReadIssue", fhir.read_issue, "One alert", "alert"),
)
FHIR_READ: tuple[Route, ...] = tuple(
    Route(
        "GET", path, right, action, handler, summary,
        answer=dict[str, Any], subject=subject, errors=(400, 404), tag="fhir", media=(FHIR_JSON,),
        interaction="r" if path.endswith("{id}") else "s",
    )
    for path, right, action, handler, summary, subject in _FHIR
)  # fmt: skip

FHIR: tuple[Route, ...] = (
    *FHIR_READ,
    Route(
        "POST", "/Observation", Right.OBSERVATIONS_WRITE, "fhirCreateObservation", intake.post, "Take an Observation in",
        answer=dict[str, Any], status=201, errors=(400, 404), tag="fhir", media=(FHIR_JSON,), interaction="c",
    ),
    Route(
        "POST", "", Right.OBSERVATIONS_WRITE, "fhirTransaction", intake.post, "Take a transaction or batch Bundle in",
        answer=dict[str, Any], errors=(400, 404), tag="fhir", media=(FHIR_JSON,), interaction="c",
    ),
    Route(
        "GET", "/.well-known/smart-configuration", None, "smartConfiguration", fhir.configuration, "How an app gets a token",
        answer=dict[str, Any], audited=False, tag="fhir",
    ),
)  # fmt: skip

DOCUMENT: tuple[Route, ...] = (
    Route("GET", "/openapi.json", None, "openapi", described.read, "This document", answer=dict[str, Any], audited=False, tag="about"),
)

ROUTES: tuple[Route, ...] = ACCESS + WARD + DEVICE + CARE + REVIEW + RULES + ONCALL + RIGHTS + DOCUMENT
ALL: tuple[tuple[str, Route], ...] = (
    *((PREFIX, route) for route in ROUTES),
    *((fhir.BASE, route) for route in FHIR),
    *(("", route) for route in LINKS),
)
"""(prefix, route): also those outside /api/v1."""
