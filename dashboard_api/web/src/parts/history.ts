// A patient's past as the API tells it.

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

const STEP_S: Record<History["resolution"], number> = { raw: 60, "1m": 60, "5m": 300, "1h": 3600 };

// A line breaks where nothing was measured for so long, seconds.
export const gapOf = (resolution: History["resolution"]): number => STEP_S[resolution] * 5;
