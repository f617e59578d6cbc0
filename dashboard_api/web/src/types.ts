// What the feed and the API say (CONTRACT.md sections 4 and 5). Times are RFC 3339 UTC.

export type State = "live" | "stale" | "no_value" | "doubtful";
export type Priority = "high" | "medium" | "low";
export type Tier = "low" | "low-medium" | "medium" | "high";

export interface Vital {
  value: number | string | null;
  unit: string;
  observed_at: string;
  state: State;
  clock_ms?: number; // added to the device's own time, which was wrong
}

export interface ScoreInput {
  value?: number | string | null;
  points?: number | null;
  observed_at?: string | null;
  stale?: boolean;
}

export interface Score {
  at: string;
  lowest: number;
  highest: number;
  tier: Tier;
  scale: 1 | 2;
  inputs: Record<string, ScoreInput>;
}

// As a handover's sheet has it.
export type Sum = Pick<Score, "lowest" | "highest" | "tier"> & Partial<Pick<Score, "inputs">>;

export interface DeviceLink {
  id: string;
  kind: string | null;
  state: "online" | "offline";
  battery: number | null;
  buffered: number | null;
  at: string;
}

export interface Link {
  state: "online" | "offline";
  battery: number | null;
  buffered: number;
  at: string;
  devices: DeviceLink[];
}

export interface Alert {
  id: string;
  version: number;
  patient: string;
  ward: string;
  class: "physiological" | "technical";
  priority: Priority;
  state: "active" | "acknowledged" | "returned" | "shelved" | "suppressed" | "closed";
  rule: string;
  title: string;
  subject: string;
  started_at: string;
  ended_at: string | null;
  retrospective: boolean;
  evidence: Record<string, unknown>;
  delays: Record<string, unknown>;
  step?: string;
  acknowledged_by?: string | null;
  outcome?: string | null;
  shelved_until?: string | null;
  reason?: string;
  timeline?: TimelineEntry[];
}

export interface TimelineEntry {
  at: string;
  kind: string;
  actor?: string | null;
  [more: string]: unknown;
}

export interface Patient {
  id: string;
  ward: string;
  bed: string;
  vitals: Record<string, Vital>;
  score: Score | null;
  link: Link | null;
  alerts: Alert[];
  // When the last new value came (ms, server's clock) and how old it was then; null before the first.
  came?: { at: number; lateMs: number } | null;
}

export interface PatientPart extends Partial<Omit<Patient, "id">> {
  id: string;
  removed?: boolean;
}

export interface Waveform {
  patient: string;
  channel: string;
  observed_at: string;
  rate_hz: number;
  unit?: string;
  samples: (number | null)[];
}

export type Message =
  | { type: "snapshot"; cursor: string; patients: PatientPart[]; resumed?: boolean }
  | { type: "delta"; cursor: string; patients: PatientPart[]; resumed?: boolean }
  | { type: "alert"; cursor: string; alert: Alert }
  | ({ type: "waveform" } & Waveform)
  | { type: "heartbeat"; server_time: string; behind_ms: number }
  | { type: "error"; code: string; message: string };

export interface Note {
  id: string;
  author: string;
  role: string;
  at: string;
  text: string | null; // null after an erasure
  strikes: string | null;
  struck: { by: string; at: string; reason: string | null } | null;
}

export interface Me {
  username: string;
  role: string;
  wards: string[] | null;
  patient: string | null;
  permissions: string[];
  units: Record<string, string>; // the site's: family -> unit
  alarms_later_s: number; // 0: prompt
}

export interface Ward {
  id: string;
  name: string;
  time_zone?: string;
}

export interface Person {
  id: string;
  ward: string;
  bed: string;
  name: string | null;
  mrn: string | null;
  birth_date: string | null;
  sex: string | null;
  spo2_scale?: number;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}
