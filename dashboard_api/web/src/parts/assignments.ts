// Which devices were on a patient, and when; also those that are on somebody else by now.

import { may } from "../session";
import type { Page } from "../types";
import { useLoad } from "./load";

export interface Assignment {
  device: string;
  kind: string;
  from: string;
  to: string | null;
}

// Readings that a correction moved away from the patient, or here.
export interface Correction {
  device: string;
  from: string;
  to: string;
  moved: "away" | "here";
  other: "patient" | "nobody";
  other_patient: string | null;
  by: string;
  at: string;
  readings: number;
}

export interface Worn {
  items: Assignment[];
  corrections: Correction[];
}

const AGAIN_S = 60;
const NOTHING: Worn = { items: [], corrections: [] };

export function useAssignments(patient: string): Worn {
  const loaded = useLoad<Page<Assignment> & Worn>(may("devices.read") ? `/patients/${patient}/assignments` : null, AGAIN_S);
  return loaded.data ?? NOTHING;
}
