// The live curves (ECG, pulse, breath): a sweep of six seconds over a canvas. No room is taken until a curve comes; one that stops is grey,
// and says so.

import { useEffect, useRef, useState } from "preact/hooks";
import { health, want } from "../live";
import { onWaveform } from "../store";
import { t, word } from "../texts";
import { now } from "../tick";
import type { Waveform } from "../types";

const CHANNELS = ["ecg_ii", "ppg", "resp"];
const SWEEP_S = 6;
// After so long without a chunk what is drawn is not live.
const QUIET_MS = 3_000;

export function Strip({ patient }: { patient: string }) {
  const [channels, setChannels] = useState<string[]>([]);
  useEffect(() => {
    want({ waveforms: CHANNELS.map((channel) => ({ patient, channel })) });
    const hear = (chunk: Waveform) => {
      if (chunk.patient === patient) setChannels((known) => (known.includes(chunk.channel) ? known : [...known, chunk.channel].sort()));
    };
    onWaveform.add(hear);
    return () => {
      onWaveform.delete(hear);
      want({ waveforms: [] });
    };
  }, [patient]);
  return (
    <>
      {channels.map((channel) => (
        <Sweep key={channel} patient={patient} channel={channel} />
      ))}
    </>
  );
}

interface Trace {
  queue: (number | null)[];
  drawn: (number | null)[];
  rate: number;
  position: number;
}

function Sweep({ patient, channel }: { patient: string; channel: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const heardAt = useRef(Date.now());
  const quiet = now.value > 0 && Date.now() - heardAt.current > QUIET_MS;
  useEffect(() => {
    const trace: Trace = { queue: [], drawn: [], rate: 250, position: 0 };
    const hear = (chunk: Waveform) => {
      if (chunk.patient !== patient || chunk.channel !== channel) return;
      heardAt.current = Date.now();
      trace.rate = chunk.rate_hz;
      trace.queue.push(...chunk.samples);
      if (trace.queue.length > 4 * trace.rate) trace.queue.splice(0, trace.queue.length - 2 * trace.rate);
    };
    onWaveform.add(hear);
    let frame = 0;
    let before = performance.now();
    const step = (at: number) => {
      const moved = advance(trace, (at - before) / 1000);
      before = at;
      if (canvas.current && moved) paint(canvas.current, trace);
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => {
      onWaveform.delete(hear);
      cancelAnimationFrame(frame);
    };
  }, [patient, channel]);
  return (
    <figure class={`strip strip-${channel} ${quiet || health.value !== "live" ? "is-stale" : ""}`} data-strip={channel}>
      <figcaption>
        {word("channel", channel)} {quiet && <em>{t("channel.quiet")}</em>}
      </figcaption>
      <canvas ref={canvas} role="img" aria-label={word("channel", channel)} />
    </figure>
  );
}

// Takes as many samples as time has passed, a little more when the queue is long. Returns whether there were any.
function advance(trace: Trace, seconds: number): boolean {
  const size = Math.round(trace.rate * SWEEP_S);
  const hurry = trace.queue.length > trace.rate * 1.5 ? 1.25 : 1;
  const count = Math.min(trace.queue.length, Math.round(Math.min(seconds, 0.5) * trace.rate * hurry));
  for (const sample of trace.queue.splice(0, count)) {
    trace.drawn[trace.position] = sample;
    trace.position = (trace.position + 1) % size;
  }
  return count > 0;
}

function paint(canvas: HTMLCanvasElement, trace: Trace): void {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  if (canvas.width !== width) [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d")!;
  pen.clearRect(0, 0, width, height);
  pen.strokeStyle = getComputedStyle(canvas).color;
  pen.lineWidth = 1.6 * ratio;
  pen.beginPath();
  const size = trace.rate * SWEEP_S;
  const [low, high] = bounds(trace.drawn);
  const blank = trace.rate * 0.25;
  let joined = false;
  for (let i = 0; i < trace.drawn.length; i++) {
    const sample = trace.drawn[i];
    const ahead = (i - trace.position + size) % size;
    if (sample === null || sample === undefined || ahead < blank) {
      joined = false;
      continue;
    }
    const x = (i / size) * width;
    const y = height - ((sample - low) / (high - low)) * height * 0.9 - height * 0.05;
    pen[joined ? "lineTo" : "moveTo"](x, y);
    joined = true;
  }
  pen.stroke();
}

// The curve fills its height whatever its unit; a flat line stays in the middle.
function bounds(drawn: (number | null)[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const sample of drawn) {
    if (sample === null) continue;
    low = Math.min(low, sample);
    high = Math.max(high, sample);
  }
  return low < high ? [low, high] : [low - 1, high + 1];
}
