// A chart of one or two vitals over time (uPlot): limits as dashed lines, alerts as bands, zoom by dragging.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { language } from "../texts";
import type { Priority } from "../types";
import { zone } from "../zone";

export interface Line {
  name: string;
  vital: string;
  at: number[];
  value: (number | null)[];
}

export interface Band {
  from: number;
  to: number;
  priority: Priority;
}

// The plot lies this far from its box, px: what else is drawn on the same time axis keeps to it.
export const LEFT = 42;
export const RIGHT = 12;

interface Props {
  title: string;
  unit: string;
  lines: Line[];
  limits?: number[];
  bands?: Band[];
  height?: number;
  label?: string;
  range?: [number, number];
  onZoom?: (from: number, to: number) => void;
}

export function Chart(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = `${props.lines.map((l) => l.name).join()} ${props.unit} ${language.value} ${props.height ?? ""}`;
  useEffect(() => {
    const at = host.current!;
    const made = new uPlot(options(latest, at), data(props), at);
    plot.current = made;
    const fit = new ResizeObserver(() => made.setSize({ width: at.clientWidth, height: made.height }));
    fit.observe(at);
    return () => {
      fit.disconnect();
      made.destroy();
    };
  }, [shape]);
  useEffect(() => {
    plot.current?.setData(data(props), false);
    plot.current?.setScale("x", scale(props));
    plot.current?.redraw(true, true);
  });
  return (
    <figure class="chart">
      <figcaption>
        {props.title} <small>{props.unit}</small>
      </figcaption>
      <div ref={host} role="img" aria-label={`${props.label ?? ""} ${props.title}`} />
    </figure>
  );
}

function data(props: Props): uPlot.AlignedData {
  if (props.lines.length === 1) return [props.lines[0]!.at, props.lines[0]!.value];
  return uPlot.join(props.lines.map((line) => [line.at, line.value] as uPlot.AlignedData));
}

function scale(props: Props): { min: number; max: number } {
  if (props.range) return { min: props.range[0], max: props.range[1] };
  const all = props.lines.flatMap((l) => (l.at.length ? [l.at[0]!, l.at[l.at.length - 1]!] : []));
  return all.length ? { min: Math.min(...all), max: Math.max(...all) } : { min: Date.now() / 1000 - 3600, max: Date.now() / 1000 };
}

// A colour of the style sheet as a canvas takes it: light-dark() is only resolved in a real property.
function colour(of: HTMLElement, name: string): string {
  const before = of.style.color;
  of.style.color = `var(${name}, var(--accent))`;
  const found = getComputedStyle(of).color;
  of.style.color = before;
  return found;
}

function options(latest: { current: Props }, at: HTMLElement): uPlot.Options {
  const { lines, height } = latest.current;
  const axis: uPlot.Axis = { stroke: () => colour(at, "--muted"), grid: { stroke: () => colour(at, "--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return {
    width: at.clientWidth || 300,
    height: height ?? 170,
    tzDate: (at) => (zone.value ? uPlot.tzDate(new Date(at * 1000), zone.value) : new Date(at * 1000)),
    padding: [8, RIGHT, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    scales: { x: { time: true, range: () => toRange(latest.current) }, y: { range: (_u, low, high) => roomy(low, high, latest.current.limits ?? []) } },
    axes: [
      { ...axis, values: (_u, splits, _a, _s, step) => splits.map((s) => when(s, step)), space: 70, size: 26 },
      { ...axis, size: LEFT },
    ],
    series: [{}, ...lines.map((line, i) => ({ label: line.name, stroke: () => colour(at, `--vital-${line.vital}`), width: i ? 1.2 : 1.6, spanGaps: false, points: { show: line.at.length < 40, size: 4 } }))],
    hooks: {
      drawClear: [(u) => bands(u, latest.current.bands ?? [], at)],
      draw: [(u) => limitLines(u, latest.current.limits ?? [], at)],
      setSelect: [
        (u) => {
          if (u.select.width < 8) return;
          latest.current.onZoom?.(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

function toRange(props: Props): [number, number] {
  const { min, max } = scale(props);
  return [min, max > min ? max : min + 1];
}

function roomy(low: number | null, high: number | null, limits: number[]): [number, number] {
  const all = [...(low === null ? [] : [low]), ...(high === null ? [] : [high]), ...limits];
  if (all.length === 0) return [0, 1];
  const [min, max] = [Math.min(...all), Math.max(...all)];
  const room = Math.max((max - min) * 0.12, Math.abs(max) * 0.02, 0.2);
  return [min - room, max + room];
}

function when(at: number, stepS: number): string {
  const day = stepS >= 86_400;
  const form: Intl.DateTimeFormatOptions = day ? { day: "numeric", month: "short", timeZone: zone.value } : { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: zone.value };
  return new Date(at * 1000).toLocaleString(language.value, form);
}

function bands(u: uPlot, of: Band[], at: HTMLElement): void {
  for (const band of of) {
    const left = Math.max(u.bbox.left, u.valToPos(band.from, "x", true));
    const right = Math.min(u.bbox.left + u.bbox.width, u.valToPos(band.to, "x", true));
    if (right <= left) continue;
    u.ctx.save();
    u.ctx.globalAlpha = 0.16;
    u.ctx.fillStyle = colour(at, `--${band.priority}`);
    u.ctx.fillRect(left, u.bbox.top, Math.max(2, right - left), u.bbox.height);
    u.ctx.globalAlpha = 1;
    u.ctx.fillRect(left, u.bbox.top, Math.max(2, right - left), 3 * devicePixelRatio);
    u.ctx.restore();
  }
}

function limitLines(u: uPlot, limits: number[], at: HTMLElement): void {
  u.ctx.save();
  u.ctx.strokeStyle = colour(at, "--high-line");
  u.ctx.setLineDash([6, 5]);
  for (const limit of limits) {
    const y = u.valToPos(limit, "y", true);
    u.ctx.beginPath();
    u.ctx.moveTo(u.bbox.left, y);
    u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
    u.ctx.stroke();
  }
  u.ctx.restore();
}
