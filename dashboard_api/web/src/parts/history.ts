// A patient's past as the API tells it, and where it has holes.

export interface Point {
  observed_at: string;
  value: number | string | null;
  low?: number | null;
  high?: number | null;
  n?: number;
}

export interface History {
  patient: string;
  resolution: "raw" | "1m" | "5m" | "1h";
  from: string;
  to: string;
  series: { vital: string; unit: string; points: Point[]; next?: string | null }[];
}

export type Span = [number, number];

const STEP_MS: Record<History["resolution"], number> = { raw: 1_000, "1m": 60_000, "5m": 300_000, "1h": 3_600_000 };
const LEAST_MS = 15_000;
const FEW_MS = 12 * 3_600_000;

// A line breaks where nothing was measured for so long, ms: five of the series' own pauses.
export function pauseOf(points: Point[], resolution: History["resolution"]): number {
  if (points.length < 4) return FEW_MS;
  const pauses = points.slice(1).map((p, i) => Date.parse(p.observed_at) - Date.parse(points[i]!.observed_at));
  const usual = pauses.sort((a, b) => a - b)[pauses.length >> 1]!;
  return Math.max(LEAST_MS, 1.5 * STEP_MS[resolution], 5 * usual);
}

// The spans of [from, to] (ms) in which no vital was measured at all.
export function gaps(data: History, from: number, to: number): Span[] {
  const covered = data.series.flatMap((s) => {
    const points = s.points.filter((p) => p.value !== null);
    const pause = pauseOf(points, data.resolution);
    return points.map((p): Span => [Date.parse(p.observed_at), Date.parse(p.observed_at) + pause]);
  });
  covered.sort((a, b) => a[0] - b[0]);
  const found: Span[] = [];
  let until = from;
  for (const [begin, end] of covered) {
    if (begin > until) found.push([until, begin]);
    until = Math.max(until, end);
  }
  if (until < to) found.push([until, to]);
  return found;
}
