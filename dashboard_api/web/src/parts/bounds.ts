// A patient's own limits as data: what the server says, what a form's fields mean, and whether somebody else has changed them meanwhile.

import { canonical, shown } from "../units";

export interface Bounds {
  low?: number | null;
  high?: number | null;
  expires_at?: string | null;
  reason?: string;
}

export type OwnLimits = Record<string, Bounds>;

export const VITALS = ["hr", "spo2", "rr", "sbp", "temp"];

export function bounds(given: Record<string, unknown>): OwnLimits {
  const inner = (given["limits"] ?? given) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(inner).filter(([, v]) => typeof v === "object" && v !== null && !Array.isArray(v))) as OwnLimits;
}

// The vitals whose fields differ from what holds: null where both were emptied, which gives the rules' own limits back.
export function changes(form: Record<string, string>, given: OwnLimits): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const vital of VITALS) {
    const [low, high] = (["low", "high"] as const).map((side) => form[`${vital}.${side}`] ?? "");
    if (low === asField(vital, given[vital]?.low) && high === asField(vital, given[vital]?.high)) continue;
    found[vital] = low || high ? { low: low ? canonical(vital, Number(low)) : null, high: high ? canonical(vital, Number(high)) : null } : null;
  }
  return found;
}

export const asField = (vital: string, value: number | null | undefined): string => (typeof value === "number" ? shown(vital, value) : "");

// Whether one of these vitals' limits is another, or somebody else's, than was shown.
export const overtaken = (vitals: string[], seen: OwnLimits, now: OwnLimits): boolean =>
  vitals.some((vital) => JSON.stringify(seen[vital]) !== JSON.stringify(now[vital]));
