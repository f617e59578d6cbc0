// The last minutes of each vital, for sparklines and arrows: rings of (ms, value), never a signal, so that they cost no redraw of their own.

import type { Vital } from "./types";

export interface Series {
  at: number[];
  value: number[];
}

export const SPAN_MS = 15 * 60_000;
const MOST = 900;
const kept = new Map<string, Map<string, Series>>();

function series(patient: string, vital: string): Series {
  let of = kept.get(patient);
  if (!of) kept.set(patient, (of = new Map<string, Series>()));
  let found = of.get(vital);
  if (!found) of.set(vital, (found = { at: [], value: [] }));
  return found;
}

export function add(patient: string, vitals: Record<string, Vital>): void {
  for (const [name, vital] of Object.entries(vitals)) {
    if (typeof vital.value !== "number") continue;
    push(series(patient, name), Date.parse(vital.observed_at), vital.value);
  }
}

function push(to: Series, at: number, value: number): void {
  const last = to.at[to.at.length - 1];
  if (last !== undefined && at <= last) return;
  to.at.push(at);
  to.value.push(value);
  if (to.at.length > MOST || (to.at[0] ?? at) < at - 2 * SPAN_MS) {
    to.at.splice(0, Math.ceil(to.at.length / 10));
    to.value.splice(0, to.value.length - to.at.length);
  }
}

// Puts history before what is already there.
export function seed(patient: string, vital: string, points: [number, number][]): void {
  const to = series(patient, vital);
  const first = to.at[0] ?? Infinity;
  const older = points.filter(([at]) => at < first);
  to.at.unshift(...older.map(([at]) => at));
  to.value.unshift(...older.map(([, value]) => value));
}

export const of = (patient: string, vital: string): Series | undefined => kept.get(patient)?.get(vital);
export const forget = (patient: string): boolean => kept.delete(patient);
export const forgetAll = (): void => kept.clear();

// What counts as a change worth an arrow, canonical units; this project's own choice, for the eye only.
const WORTH: Record<string, number> = { hr: 8, pulse: 8, spo2: 2, rr: 3, temp: 0.4, sbp: 12, dbp: 8, map: 8, glucose: 20, etco2: 4 };

// The newest value against the mean of what was five to fifteen minutes before it.
export function arrow(patient: string, vital: string): "up" | "down" | "level" | null {
  const found = of(patient, vital);
  const worth = WORTH[vital];
  if (!found || !worth || found.at.length < 3) return null;
  const now = found.at[found.at.length - 1]!;
  let sum = 0;
  let n = 0;
  for (let i = 0; i < found.at.length; i++) {
    const age = now - found.at[i]!;
    if (age >= 5 * 60_000 && age <= SPAN_MS) {
      sum += found.value[i]!;
      n++;
    }
  }
  if (n === 0) return null;
  const change = found.value[found.value.length - 1]! - sum / n;
  return change > worth ? "up" : change < -worth ? "down" : "level";
}
