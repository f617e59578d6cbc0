// The last quarter of an hour of one vital, drawn on a canvas: it moves with the clock, and breaks where there was silence. It is drawn by
// turns with all others; its size and colour are asked for seldom, because each asking makes the browser lay the page out.

import { useEffect, useRef } from "preact/hooks";
import { serverNow } from "../clock";
import * as trend from "../trend";
import { byTurns } from "./turns";

const GAP_MS = 90_000;
// A young line is drawn over the time that it has, never less than this.
const LEAST_MS = 120_000;

interface Props {
  patient: string;
  vital: string;
  live: boolean;
  label: string;
}

export function Sparkline({ patient, vital, live, label }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isLive = useRef(live);
  isLive.current = live;
  useEffect(() => {
    const on = canvas.current;
    if (!on) return;
    sizes.observe(on);
    const stop = byTurns(() => draw(on, vital, trend.of(patient, vital), serverNow(), isLive.current));
    return () => {
      stop();
      sizes.unobserve(on);
    };
  }, [patient, vital]);
  return <canvas ref={canvas} class={`spark spark-${vital}`} role="img" aria-label={label} />;
}

// A canvas has as many points as the screen shows of it.
const sizes = new ResizeObserver((entries) => {
  const ratio = window.devicePixelRatio || 1;
  for (const { target, contentRect } of entries) {
    const canvas = target as HTMLCanvasElement;
    canvas.width = Math.round(contentRect.width * ratio);
    canvas.height = Math.round(contentRect.height * ratio);
  }
});

const COLOUR_MS = 1000;
const colours = new Map<string, { colour: string; until: number }>();

function colourOf(canvas: HTMLCanvasElement, vital: string): string {
  const known = colours.get(vital);
  if (known && known.until > performance.now()) return known.colour;
  const colour = getComputedStyle(canvas).color;
  colours.set(vital, { colour, until: performance.now() + COLOUR_MS });
  return colour;
}

function draw(canvas: HTMLCanvasElement, vital: string, all: trend.Series | undefined, at: number, live: boolean): void {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.width / ratio;
  const height = canvas.height / ratio;
  const pen = canvas.getContext("2d");
  if (!pen || !all || width === 0) return;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const known = at - (all.at[0] ?? at);
  const span = Math.min(trend.SPAN_MS, Math.max(LEAST_MS, known));
  const first = at - span;
  const series = binned(all, first, (2 * span) / width);
  const start = 0;
  if (series.at.length === 0 || (series.at[series.at.length - 1] ?? 0) < first) return;
  const [low, high] = bounds(series, start);
  const x = (t: number) => ((t - first) / span) * (width - 5);
  const y = (v: number) => height - 3 - ((v - low) / (high - low)) * (height - 6);
  pen.strokeStyle = colourOf(canvas, vital);
  pen.fillStyle = pen.strokeStyle;
  pen.globalAlpha = live ? 1 : 0.45;
  pen.lineWidth = 1.5;
  pen.lineJoin = "round";
  pen.beginPath();
  for (let i = start; i < series.at.length; i++) {
    const joined = i > start && series.at[i]! - series.at[i - 1]! < GAP_MS;
    pen[joined ? "lineTo" : "moveTo"](x(series.at[i]!), y(series.value[i]!));
  }
  pen.stroke();
  if (!live) return;
  const last = series.at.length - 1;
  pen.beginPath();
  pen.arc(x(series.at[last]!), y(series.value[last]!), 2.4, 0, 7);
  pen.fill();
}

// Means over two pixels: a line for the eye, not each beat of noise.
function binned(all: trend.Series, first: number, step: number): trend.Series {
  const to: trend.Series = { at: [], value: [] };
  let bin = -1;
  let n = 0;
  for (let i = Math.max(0, all.at.findIndex((t) => t >= first)); i < all.at.length; i++) {
    const mine = Math.floor(all.at[i]! / step);
    const last = to.at.length - 1;
    if (mine === bin) {
      n++;
      to.at[last] = all.at[i]!;
      to.value[last] = to.value[last]! + (all.value[i]! - to.value[last]!) / n;
    } else {
      bin = mine;
      n = 1;
      to.at.push(all.at[i]!);
      to.value.push(all.value[i]!);
    }
  }
  return to;
}

// A range that does not blow noise up: at least a tenth of the value on either side.
function bounds(series: trend.Series, start: number): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let i = start; i < series.value.length; i++) {
    low = Math.min(low, series.value[i]!);
    high = Math.max(high, series.value[i]!);
  }
  const room = Math.max(0, high * 0.1 - (high - low)) / 2;
  return [low - room - 0.01, high + room + 0.01];
}
