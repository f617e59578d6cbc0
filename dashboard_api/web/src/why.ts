// Why a bed shows no fresh value, in words: a grey tile without a reason is a question nobody can answer at three in the morning.

import { health } from "./live";
import { ago, t } from "./texts";
import type { Patient } from "./types";

// A value that comes this late was measured by a slow clock, or waited on its way.
const LATE_MS = 60_000;
// Values that came within this are coming.
const COMING_MS = 30_000;
const DAY_MS = 86_400_000;

// Null: at least one value is fresh, or the feed itself is cut (which the banner says for all beds).
export function why(patient: Patient, now: number): string | null {
  const states = Object.values(patient.vitals).map((v) => v.state);
  if (health.value !== "live" || states.some((s) => s === "live" || s === "doubtful")) return null;
  const { link, came } = patient;
  const since = lastSeen(patient, now);
  if (came && now - came.at < COMING_MS && came.lateMs > LATE_MS) return t("why.late", { n: late(came.lateMs) });
  if (!link) return states.length === 0 ? t("why.nodevice") : t("why.nodevice.since", { n: since });
  if (link.state === "offline") return t(link.buffered ? "why.offline.buffered" : "why.offline", { n: ago(now - Date.parse(link.at)), m: link.buffered });
  if (states.length === 0) return t("why.novalues");
  return states.every((s) => s === "no_value") ? t("why.noreading") : t("why.silent", { n: since });
}

// A corrected clock is said too: whoever compares with the device's own screen would wonder.
export function wrongClock(patient: Patient): string | null {
  const ms = Object.values(patient.vitals).reduce((most, v) => (Math.abs(v.clock_ms ?? 0) > Math.abs(most) ? (v.clock_ms ?? 0) : most), 0);
  return Math.abs(ms) < LATE_MS ? null : t(ms > 0 ? "why.clock.slow" : "why.clock.ahead", { n: late(Math.abs(ms)) });
}

function lastSeen(patient: Patient, now: number): string {
  const newest = Math.max(0, ...Object.values(patient.vitals).map((v) => Date.parse(v.observed_at)));
  return ago(now - newest);
}

const late = (ms: number): string => (ms < DAY_MS ? ago(ms) : t("why.aday"));
