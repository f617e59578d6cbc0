// The alarm's sound: a pattern for each priority while an alert of it calls, muted only for a time, and never for a new high.

import { effect, signal } from "@preact/signals";
import { health } from "./live";
import { calls } from "./need";
import { may } from "./session";
import { alerts, latestHigh } from "./store";
import type { Alert, Priority } from "./types";

export const mutedS = signal(0);
export const blocked = signal(true);

const MUTE_S = 120;
// Pulses (seconds from the start) and the pause until they come again, after IEC 60601-1-8's burst patterns (unchecked).
const PATTERNS: Record<Priority, { pulses: number[]; hz: number; every: number }> = {
  high: { pulses: [0, 0.2, 0.4, 0.75, 0.95], hz: 880, every: 8 },
  medium: { pulses: [0, 0.25, 0.5], hz: 660, every: 20 },
  low: { pulses: [0, 0.3], hz: 520, every: 60 },
};

let context: AudioContext | null = null;
let heardBefore = new Set<string>();
let lastAt: Record<Priority, number> = { high: -Infinity, medium: -Infinity, low: -Infinity };

export function unlock(): void {
  context ??= new AudioContext();
  context.onstatechange = told;
  context.resume().then(told, told);
}

// The machine can take the loudspeaker away at any time, as a phone does while its screen is off.
const told = (): void => {
  blocked.value = context?.state !== "running";
};

export function mute(): void {
  mutedS.value = MUTE_S;
  heardBefore = new Set(sounding().flatMap((a) => (a.priority === "high" ? [a.id] : [])));
}

const sounding = (): Alert[] => alerts.value.filter((a) => calls(a) && a.class === "physiological" && a.state === "active");

function due(): Priority | null {
  const calling = sounding();
  const heard = mutedS.value > 0 ? calling.filter((a) => a.priority === "high" && !heardBefore.has(a.id)) : calling;
  return (["high", "medium", "low"] as const).find((p) => heard.some((a) => a.priority === p)) ?? null;
}

// A station that is cut off is heard too, like a low alert.
const cutOff = (): boolean => may("alerts.read") && mutedS.value === 0 && (health.value === "cut" || health.value === "silent");

function second(): void {
  if (mutedS.value > 0) mutedS.value--;
  const priority = due() ?? (cutOff() ? "low" : null);
  if (!priority || !context || context.state !== "running") return;
  if (context.currentTime - lastAt[priority] < PATTERNS[priority].every) return;
  lastAt = { ...lastAt, [priority]: context.currentTime };
  for (const at of PATTERNS[priority].pulses) pulse(context, context.currentTime + at, PATTERNS[priority].hz);
}

function pulse(of: AudioContext, at: number, hz: number): void {
  const tone = of.createOscillator();
  const loud = of.createGain();
  tone.frequency.value = hz;
  loud.gain.setValueAtTime(0, at);
  loud.gain.linearRampToValueAtTime(0.25, at + 0.02);
  loud.gain.setValueAtTime(0.25, at + 0.12);
  loud.gain.linearRampToValueAtTime(0, at + 0.16);
  tone.connect(loud).connect(of.destination);
  tone.start(at);
  tone.stop(at + 0.18);
}

window.setInterval(second, 1000);
// A gesture's end, not its beginning: else "Turn sound on" would have become "Mute" under the finger.
const gestured = (): void => {
  if (blocked.value) unlock();
};
for (const gesture of ["click", "keyup"]) window.addEventListener(gesture, gestured, { capture: true });
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && context) unlock();
});
// A new high sounds at once.
effect(() => {
  if (latestHigh.value) lastAt = { ...lastAt, high: -Infinity };
});
