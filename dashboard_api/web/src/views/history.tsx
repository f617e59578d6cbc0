// The past of one patient on one time axis: a chart a vital, alerts as bands, zoom by dragging, down to single readings.

import { useEffect, useMemo, useState } from "preact/hooks";
import { Chart, type Band, type Line } from "../parts/chart";
import { useAssignments, type Assignment } from "../parts/assignments";
import { Corrections, corrected } from "../parts/corrections";
import { gaps, pauseOf, type History } from "../parts/history";
import { Lanes, type Lane } from "../parts/lanes";
import { Pending, useLoad } from "../parts/load";
import { serverNow } from "../clock";
import { t, word } from "../texts";
import type { Alert, Note, Page, Patient } from "../types";
import { converted, unitOf } from "../units";

const HOUR = 3_600_000;
const SPANS = { "1h": HOUR, "6h": 6 * HOUR, "24h": 24 * HOUR, "7d": 168 * HOUR, "30d": 720 * HOUR, "90d": 2160 * HOUR } as const;
type Span = keyof typeof SPANS;
const CHARTS: string[][] = [["hr"], ["pulse"], ["spo2"], ["rr"], ["sbp", "dbp"], ["map"], ["temp"], ["glucose"], ["etco2"], ["o2_flow"], ["weight"]];
const MARK_LENGTH = 120;
const ROWS = 5; // devices and alerts of one time under one another
const REFRESH_S: Record<Span, number> = { "1h": 5, "6h": 30, "24h": 60, "7d": 300, "30d": 600, "90d": 600 };

export function HistoryView({ patient, notes }: { patient: Patient; notes: Note[] }) {
  const [span, setSpan] = useState<Span>("1h");
  const [zoom, setZoom] = useState<[number, number] | null>(null);
  const [end, setEnd] = useState(serverNow());
  useEffect(() => {
    if (zoom) return;
    setEnd(serverNow());
    const timer = window.setInterval(() => setEnd(serverNow()), REFRESH_S[span] * 1000);
    return () => window.clearInterval(timer);
  }, [span, zoom]);
  const [from, to] = zoom ?? [end - SPANS[span], end];
  const query = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`;
  const past = useLoad<History>(`/patients/${patient.id}/vitals?${query}`, 0, 0, zoom ? query : span);
  const alerts = useLoad<Page<Alert>>(`/alerts?patient=${patient.id}&limit=200`, 60);
  const worn = useAssignments(patient.id);
  const bands = useMemo(() => banded(patient, alerts.data, to), [patient.alerts, alerts.data, to]);
  return (
    <section class="card history" onDblClick={() => setZoom(null)}>
      <h2>{t("patient.history")}</h2>
      <div class="tabs" role="tablist">
        {(Object.keys(SPANS) as Span[]).map((one) => (
          <button
            key={one}
            role="tab"
            aria-selected={!zoom && span === one}
            onClick={() => {
              setZoom(null);
              setSpan(one);
            }}
          >
            {t(`patient.span.${one}`)}
          </button>
        ))}
        {zoom && <button onClick={() => setZoom(null)}>{t("patient.span.live")}</button>}
        <small class="muted">{past.data ? t(`resolution.${past.data.resolution}`) : ""}</small>
      </div>
      <Corrections of={worn.corrections} from={from} to={to} />
      {past.data && past.error && <p role="status">{t("common.failed", { why: past.error })}</p>}
      <Pending of={past}>
        {(data) => (
          <>
            <Lanes lanes={[...lanes(data, worn.items, alertsOf(patient, alerts.data), from, to), ...corrected(worn.corrections), ...noted(notes, from, to)]} from={from} to={to} />
            {CHARTS.map((vitals) => (
              <OneChart key={vitals.join()} vitals={vitals} data={data} bands={bands} range={[from / 1000, to / 1000]} onZoom={(a, b) => setZoom([a * 1000, b * 1000])} />
            ))}
            <p class="muted">{t("patient.zoomhint")}</p>
          </>
        )}
      </Pending>
    </section>
  );
}

interface OneProps {
  vitals: string[];
  data: History;
  bands: Band[];
  range: [number, number];
  onZoom: (from: number, to: number) => void;
}

function OneChart({ vitals, data, bands, range, onZoom }: OneProps) {
  const lines = vitals.flatMap((vital) => lineOf(vital, data));
  if (lines.length === 0) return null;
  const title = vitals.length > 1 ? t("long.bp") : word("long", vitals[0]!);
  return <Chart title={title} unit={unitOf(vitals[0]!)} lines={lines} bands={bands} range={range} onZoom={onZoom} label={t("patient.history")} />;
}

// Breaks the line where nothing was measured.
function lineOf(vital: string, data: History): Line[] {
  const points = data.series.find((s) => s.vital === vital)?.points ?? [];
  if (points.length === 0) return [];
  const gap = pauseOf(points, data.resolution) / 1000;
  const line: Line = { name: word("long", vital), vital, at: [], value: [] };
  for (const point of points) {
    const at = Date.parse(point.observed_at) / 1000;
    const before = line.at[line.at.length - 1];
    if (before !== undefined && at - before > gap) {
      line.at.push(before + 0.001);
      line.value.push(null);
    }
    line.at.push(at);
    line.value.push(typeof point.value === "number" ? converted(vital, point.value) : null);
  }
  return [line];
}

const alertsOf = (patient: Patient, past: Page<Alert> | null): Alert[] => [...new Map([...(past?.items ?? []), ...patient.alerts].map((a) => [a.id, a])).values()];

function lanes(data: History, worn: Assignment[], alerts: Alert[], from: number, to: number): Lane[] {
  const end = (at: string | null) => (at ? Date.parse(at) : to);
  const holes = gaps(data, Math.max(from, Date.parse(data.from)), Math.min(to, Date.parse(data.to))); // beyond what was loaded nobody knows
  return [
    { name: t("lane.devices"), of: worn.map((a) => ({ from: Date.parse(a.from), to: end(a.to), kind: "device", title: `${a.kind} ${a.device}` })), rows: ROWS },
    { name: t("lane.alerts"), of: alerts.map((a) => ({ from: Date.parse(a.started_at), to: end(a.ended_at), kind: a.priority, title: a.title })), rows: ROWS },
    { name: t("lane.gaps"), of: holes.map(([a, b]) => ({ from: a, to: b, kind: "gap", title: t("lane.gap") })) },
  ].filter((lane) => lane.of.length > 0);
}

// A mark for each note that stands, where it was written.
function noted(notes: Note[], from: number, to: number): Lane[] {
  const marks = notes
    .filter((n) => !n.strikes && !n.struck && n.text !== null)
    .map((n) => ({ from: Date.parse(n.at), to: Date.parse(n.at) + 1, kind: "note", title: `${n.author}: ${(n.text ?? "").slice(0, MARK_LENGTH)}` }))
    .filter((mark) => mark.to > from && mark.from < to);
  return marks.length ? [{ name: t("lane.notes"), of: marks }] : [];
}

function banded(patient: Patient, past: Page<Alert> | null, to: number): Band[] {
  return alertsOf(patient, past).map((a) => ({ from: Date.parse(a.started_at) / 1000, to: (a.ended_at ? Date.parse(a.ended_at) : to) / 1000, priority: a.priority }));
}
