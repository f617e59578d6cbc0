// How a site shows a vital: places, the unit it chose, and the words of the unit. The feed is always in canonical units.

import { effect, signal } from "@preact/signals";
import { me } from "./session";

export interface Shown {
  text: string;
  unit: string;
}

interface Form {
  unit: string;
  places: number;
  factor?: number;
  offset?: number;
}

const FORMS: Record<string, Form[]> = {
  hr: [{ unit: "/min", places: 0 }],
  pulse: [{ unit: "/min", places: 0 }],
  spo2: [{ unit: "%", places: 0 }],
  rr: [{ unit: "/min", places: 0 }],
  temp: [
    { unit: "°C", places: 1 },
    { unit: "°F", places: 1, factor: 1.8, offset: 32 },
  ],
  pressure: [
    { unit: "mmHg", places: 0 },
    { unit: "kPa", places: 1, factor: 1 / 7.50062 },
  ],
  glucose: [
    { unit: "mg/dL", places: 0 },
    { unit: "mmol/L", places: 1, factor: 1 / 18.0182 },
  ],
  weight: [{ unit: "kg", places: 1 }],
  fio2: [{ unit: "%", places: 0 }],
  o2_flow: [{ unit: "L/min", places: 1 }],
};
const FAMILY: Record<string, string> = { sbp: "pressure", dbp: "pressure", map: "pressure", etco2: "pressure" };
// The site's words for units, where the page writes them otherwise.
const WRITTEN: Record<string, string> = { degC: "°C", degF: "°F" };
const KEPT = "vigil.units";

// This browser's own choices; where there is none the site's holds.
export const chosen = signal<Record<string, string>>(JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Record<string, string>);
effect(() => localStorage.setItem(KEPT, JSON.stringify(chosen.value)));

export const choices = (): [string, string[]][] =>
  Object.entries(FORMS)
    .filter(([, forms]) => forms.length > 1)
    .map(([family, forms]) => [family, forms.map((f) => f.unit)]);

export function siteUnit(family: string): string {
  const named = me.value?.units[family] ?? "";
  return WRITTEN[named] ?? named;
}

export function choose(family: string, unit: string): void {
  const others = Object.fromEntries(Object.entries(chosen.value).filter(([name]) => name !== family));
  chosen.value = unit ? { ...others, [family]: unit } : others;
}

function form(vital: string): Form {
  const family = FAMILY[vital] ?? vital;
  const forms = FORMS[family] ?? [{ unit: "", places: 0 }];
  const wanted = chosen.value[family] ?? siteUnit(family);
  return forms.find((f) => f.unit === wanted) ?? forms[0]!;
}

export const unitOf = (vital: string): string => form(vital).unit;

// A canonical number in the chosen unit, unrounded: for charts.
export const converted = (vital: string, value: number): number => value * (form(vital).factor ?? 1) + (form(vital).offset ?? 0);

// The chosen unit's number back in the canonical unit: for limits.
export const canonical = (vital: string, value: number): number => (value - (form(vital).offset ?? 0)) / (form(vital).factor ?? 1);

// Half up in decimal, as the score rounds (35.05 is 35.1): in binary it can be a little short of the half.
const SHORT_OF_HALF = 1e-7;
const rounded = (value: number, places: number): string => (Math.floor(value * 10 ** places + 0.5 + SHORT_OF_HALF) / 10 ** places).toFixed(places);

export function shown(vital: string, value: number | string | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "string" ? value : rounded(converted(vital, value), form(vital).places);
}
