// The zone in which times are shown: the ward's, whatever this machine's is.

import { signal } from "@preact/signals";

// Undefined: this machine's own (a patient at home; wards in several zones on one screen).
export const zone = signal<string | undefined>(undefined);

// What a wall clock in the zone shows at `at`, as if it were UTC, ms.
function wall(at: number): number {
  const form = new Intl.DateTimeFormat("en-GB", { timeZone: zone.value, dateStyle: "short", timeStyle: "medium", hour12: false });
  const part = Object.fromEntries(form.formatToParts(at).map((p) => [p.type, Number(p.value)]));
  return Date.UTC(part["year"] ?? 0, (part["month"] ?? 1) - 1, part["day"], (part["hour"] ?? 0) % 24, part["minute"], part["second"]);
}

const DAY_MS = 86_400_000;

// The moment that a person means with "2026-11-21T02:29" on the zone's clock, ms; the earlier one where a clock goes back. What the zone
// is off by there is what it is off by a day before or a day after.
export function instant(local: string): number {
  const wanted = Date.parse(`${local}Z`);
  const guesses = [wanted - DAY_MS, wanted + DAY_MS].map((near) => wanted - (wall(near) - near));
  const meant = guesses.filter((at) => wall(at) === wanted);
  return meant.length > 0 ? Math.min(...meant) : Math.max(...guesses);
}

// The same the other way: for a field of type datetime-local.
export const local = (at: number): string => new Date(wall(at)).toISOString().slice(0, 16);
