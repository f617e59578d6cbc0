// The vital that an alert is about, from a quarter of an hour before it began, with its limits and the alert's span.

import { useMemo } from "preact/hooks";
import { converted, unitOf } from "../units";
import { t, word } from "../texts";
import type { Alert } from "../types";
import { Chart, type Line } from "./chart";
import { useLoad } from "./load";
import type { History } from "./history";

const BEFORE_MS = 15 * 60_000;
const MOST_MS = 6 * 3_600_000;

export function Evidence({ alert }: { alert: Alert }) {
  const vital = alert.subject && alert.subject in PLOTTED ? alert.subject : null;
  const started = Date.parse(alert.started_at);
  const end = Math.min(alert.ended_at ? Date.parse(alert.ended_at) + BEFORE_MS / 3 : Date.now(), started + MOST_MS);
  const span = useMemo(() => ({ from: new Date(started - BEFORE_MS).toISOString(), to: new Date(end).toISOString() }), [alert.id, alert.version]);
  const past = useLoad<History>(vital ? `/patients/${alert.patient}/vitals?vital=${vital}&from=${span.from}&to=${span.to}` : null);
  const points = past.data?.series[0]?.points ?? [];
  if (!vital || points.length < 2) return null;
  const line: Line = {
    name: word("long", vital),
    vital,
    at: points.map((p) => Date.parse(p.observed_at) / 1000),
    value: points.map((p) => (typeof p.value === "number" ? converted(vital, p.value) : null)),
  };
  const limits = ["low", "high", "limit"].flatMap((n) => (typeof alert.evidence[n] === "number" ? [converted(vital, alert.evidence[n])] : []));
  const band = { from: started / 1000, to: (alert.ended_at ? Date.parse(alert.ended_at) : end) / 1000, priority: alert.priority };
  return <Chart title={word("long", vital)} unit={unitOf(vital)} lines={[line]} limits={limits} bands={[band]} height={150} label={t("alerts.evidence")} />;
}

const PLOTTED: Record<string, true> = { hr: true, pulse: true, spo2: true, rr: true, temp: true, sbp: true, dbp: true, map: true, glucose: true, etco2: true };
