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

const AGAIN_S = 60;

export function useAssignments(patient: string): Assignment[] {
  const loaded = useLoad<Page<Assignment>>(may("devices.read") ? `/patients/${patient}/assignments` : null, AGAIN_S);
  return loaded.data?.items ?? [];
}
