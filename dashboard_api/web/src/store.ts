// The patients as the feed tells them: one signal each, so that a change redraws one tile.

import { batch, computed, signal, type Signal } from "@preact/signals";
import { serverNow } from "./clock";
import * as trend from "./trend";
import type { Alert, Message, Patient, PatientPart, Person, Waveform } from "./types";

export const patients = signal<ReadonlyMap<string, Signal<Patient>>>(new Map());
export const people = signal<ReadonlyMap<string, Person>>(new Map());
export const pictured = signal(false);
export const latestHigh = signal<Alert | null>(null);
export const onWaveform = new Set<(chunk: Waveform) => void>();

const EMPTY: Omit<Patient, "id"> = { ward: "", bed: "", vitals: {}, score: null, link: null, alerts: [] };
const versions = new Map<string, number>();

// The same list as before while no alert has changed: values come often, alerts seldom.
let listed: Alert[] = [];
export const alerts = computed<Alert[]>(() => {
  const found = [...patients.value.values()].flatMap((p) => p.value.alerts);
  if (found.length !== listed.length || found.some((a, i) => a !== listed[i])) listed = found;
  return listed;
});

export function forgetAll(): void {
  patients.value = new Map();
  people.value = new Map();
  pictured.value = false;
  latestHigh.value = null;
  versions.clear();
  trend.forgetAll();
}

export function take(message: Message): void {
  batch(() => {
    if (message.type === "snapshot") snapshot(message.patients);
    else if (message.type === "delta") message.patients.forEach(part);
    else if (message.type === "alert") alertChanged(message.alert);
    else if (message.type === "waveform") for (const hear of onWaveform) hear(message);
  });
}

function snapshot(parts: PatientPart[]): void {
  const named = new Set(parts.map((p) => p.id));
  for (const id of patients.value.keys()) if (!named.has(id)) remove(id);
  parts.forEach(part);
  pictured.value = true;
}

function remove(id: string): void {
  const left = new Map(patients.value);
  left.delete(id);
  patients.value = left;
  trend.forget(id);
}

function part(given: PatientPart): void {
  if (given.removed) {
    remove(given.id);
    return;
  }
  const known = patients.value.get(given.id);
  if (given.vitals) trend.add(given.id, given.vitals);
  if (!known) {
    const whole: Patient = { ...EMPTY, ...given };
    patients.value = new Map(patients.value).set(given.id, signal(whole));
    given.alerts?.forEach(noteVersion);
    return;
  }
  const before = known.peek();
  const vitals = given.vitals ? { ...before.vitals, ...given.vitals } : before.vitals;
  known.value = { ...before, ...given, vitals, came: arrival(before, given) };
  given.alerts?.forEach(noteVersion);
}

// A value observed later than any before it has just come: how late was it?
function arrival(before: Patient, given: PatientPart): Patient["came"] {
  const newest = (of: PatientPart) => Math.max(0, ...Object.values(of.vitals ?? {}).map((v) => Date.parse(v.observed_at)));
  const at = newest(given);
  if (at <= newest(before)) return before.came ?? null;
  return { at: serverNow(), lateMs: serverNow() - at };
}

function noteVersion(alert: Alert): void {
  versions.set(alert.id, Math.max(versions.get(alert.id) ?? 0, alert.version));
}

function alertChanged(alert: Alert): void {
  const seen = versions.get(alert.id);
  if (seen !== undefined && seen >= alert.version) return;
  noteVersion(alert);
  const of = patients.value.get(alert.patient);
  const before = of?.peek().alerts.find((a) => a.id === alert.id);
  if (loud(alert) && !(before && loud(before))) latestHigh.value = alert;
  if (!of) return;
  const others = of.peek().alerts.filter((a) => a.id !== alert.id);
  of.value = { ...of.peek(), alerts: alert.state === "closed" ? others : [...others, alert] };
}

// Also an alert that was milder becomes one, and keeps its id.
const loud = (alert: Alert): boolean => alert.priority === "high" && alert.state === "active" && !alert.retrospective;

export function named(id: string): string | null {
  return people.value.get(id)?.name ?? null;
}

// A pseudonym that a person can say: its first block.
export const short = (id: string): string => id.slice(0, 8);
