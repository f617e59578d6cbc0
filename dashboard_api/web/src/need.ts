// Which patient needs somebody first: open alerts by priority, then NEWS2, then silence; beds keep their order among equals.

import type { Alert, Patient, Priority } from "./types";

const WEIGHT: Record<Priority, number> = { high: 3, medium: 2, low: 1 };
const CALLS = new Set(["active", "returned"]);

export const calls = (alert: Alert): boolean => CALLS.has(alert.state) && !alert.retrospective;

// What was told and turned out not to be so, by something that came late, is over where it began.
export const withdrawn = (alert: Alert): boolean => !alert.retrospective && alert.ended_at === alert.started_at;

// Loudest first: unacknowledged before acknowledged, then priority, then the newest.
export function ranked(alerts: Alert[]): Alert[] {
  const weight = (a: Alert) => (calls(a) ? 10 : 0) + WEIGHT[a.priority] + (a.state === "active" ? 0.5 : 0);
  return [...alerts].sort((a, b) => weight(b) - weight(a) || b.started_at.localeCompare(a.started_at));
}

export function need(patient: Patient): number {
  const top = ranked(patient.alerts)[0];
  const alert = top ? (calls(top) ? 4 : 1) * WEIGHT[top.priority] : 0;
  const score = patient.score?.lowest ?? 0;
  return alert * 100 + score * 5 + (patient.link?.state === "offline" ? 4 : 0) + (silent(patient) ? 3 : 0);
}

// No value on the tile is fresh.
export function silent(patient: Patient): boolean {
  const vitals = Object.values(patient.vitals);
  return vitals.length === 0 || vitals.every((v) => v.state === "stale" || v.state === "no_value");
}

export function byNeed(patients: Patient[]): Patient[] {
  const bed = (p: Patient) => `${p.ward} ${p.bed.padStart(6, "0")} ${p.id}`;
  return [...patients].sort((a, b) => need(b) - need(a) || bed(a).localeCompare(bed(b)));
}
