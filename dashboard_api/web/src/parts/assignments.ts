// Which devices were on a patient, and when.

import { useEffect, useState } from "preact/hooks";
import { call, may } from "../session";
import type { Page } from "../types";

export interface Assignment {
  device: string;
  kind: string;
  from: string;
  to: string | null;
}

interface Row {
  device: string;
  patient_id: string;
  from: string;
  to: string | null;
}

// Of the devices that are on the patient now: all their times on them.
export function useAssignments(patient: string): Assignment[] {
  const [found, setFound] = useState<Assignment[]>([]);
  useEffect(() => {
    let current = true;
    if (may("devices.read")) void loaded(patient).then((all) => current && setFound(all), () => undefined);
    return () => {
      current = false;
    };
  }, [patient]);
  return found;
}

async function loaded(patient: string): Promise<Assignment[]> {
  const devices = await call<Page<{ id: string; kind: string }>>("GET", `/devices?patient=${patient}&limit=50`);
  const each = devices.items.map(async ({ id, kind }) => {
    const rows = await call<Page<Row>>("GET", `/devices/${id}/assignments`);
    return rows.items.filter((row) => row.patient_id === patient).map((row) => ({ device: id, kind, from: row.from, to: row.to }));
  });
  return (await Promise.all(each)).flat();
}
