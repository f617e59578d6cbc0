// Which wards this person sees, and the names of their patients: asked once, and again when a patient appears who has no name yet.

import { computed, effect, signal } from "@preact/signals";
import { path } from "./route";
import { call, may, me } from "./session";
import { patients, people } from "./store";
import * as trend from "./trend";
import type { Page, Person, Ward } from "./types";
import { zone } from "./zone";

export const wards = signal<Ward[]>([]);
const KEPT = "vigil.ward";
const picked = signal(sessionStorage.getItem(KEPT) ?? "");
// The one that is chosen on the ward's page; "" = all, also where somebody before had chosen one that this person does not see.
export const ward = computed(() => (wards.value.some((w) => w.id === picked.value) ? picked.value : ""));

export function pick(id: string): void {
  picked.value = id;
  sessionStorage.setItem(KEPT, id);
}

// Times are the ward's: of the patient in view, else of the ward that is chosen, else what all wards share.
effect(() => {
  const inView = /^\/patients\/([^/]+)$/.exec(path.value)?.[1];
  const of = (inView && patients.value.get(inView)?.peek().ward) || ward.value;
  const zones = new Set((of ? wards.value.filter((w) => w.id === of) : wards.value).map((w) => w.time_zone));
  zone.value = zones.size === 1 ? [...zones][0] : undefined;
});

export async function loadWards(): Promise<Ward[]> {
  if (!may("wards.read")) return [];
  const found = await everything<Ward>("/wards");
  const mine = me.value?.wards;
  wards.value = found.filter((w) => !mine || mine.includes(w.id));
  return wards.value;
}

// Asks again from time to time: a ward that was opened meanwhile is followed too.
export function followWards(changed: (ids: string[]) => void): () => void {
  const timer = window.setInterval(() => {
    const before = wards.value.map((w) => w.id).join();
    void loadWards()
      .then((found) => found.map((w) => w.id))
      .then((ids) => ids.join() !== before && changed(ids))
      .catch(() => undefined);
  }, 15_000);
  return () => window.clearInterval(timer);
}

export async function loadPeople(): Promise<void> {
  if (!may("patients.read")) return;
  const found = await everything<Person>("/patients");
  people.value = new Map(found.map((p) => [p.id, p]));
}

// All pages of a list, at most fifty.
export async function everything<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let next: string | null = null;
  for (let i = 0; i < 50; i++) {
    const joint = path.includes("?") ? "&" : "?";
    const page: Page<T> = await call("GET", `${path}${joint}limit=200${next ? `&cursor=${encodeURIComponent(next)}` : ""}`);
    items.push(...page.items);
    next = page.next;
    if (!next) break;
  }
  return items;
}

let asked = new Set<string>();
let fresh: string[] = [];
let waiting: number | undefined;
const SOON_MS = 300;
const AGAIN_MS = 5_000;

// The next person's wards are others.
effect(() => {
  if (!me.value) wards.value = [];
});

// A new face: fetch names again, once for all that came together.
effect(() => {
  if (!me.value) {
    asked = new Set();
    fresh = [];
  }
  const unknown = [...patients.value.keys()].filter((id) => !asked.has(id));
  if (!me.value || unknown.length === 0) return;
  unknown.forEach((id) => asked.add(id));
  fresh.push(...unknown);
  meet(SOON_MS);
});

// A server that does not answer now is asked again: else a bed would be without its name until somebody new comes.
function meet(inMs: number): void {
  window.clearTimeout(waiting);
  waiting = window.setTimeout(() => {
    const ids = fresh;
    fresh = [];
    void loadPeople().then(
      () => seedTrends(ids),
      () => {
        fresh.push(...ids.filter((id) => asked.has(id)));
        if (fresh.length > 0) meet(AGAIN_MS);
      },
    );
  }, inMs);
}

interface History {
  series: { vital: string; points: { observed_at: string; value: number | string | null }[] }[];
}

// The sparklines' past: a few patients at a time, quietly; without it they grow from now on.
async function seedTrends(ids: string[]): Promise<void> {
  if (!may("vitals.read")) return;
  const from = new Date(Date.now() - trend.SPAN_MS).toISOString();
  const left = [...ids];
  const worker = async () => {
    for (let id = left.shift(); id; id = left.shift()) {
      const past = await call<History>("GET", `/patients/${id}/vitals?vital=hr,pulse,spo2,rr,temp,sbp&from=${from}&resolution=1m`).catch(() => null);
      for (const s of past?.series ?? []) {
        const points = s.points.flatMap((p): [number, number][] => (typeof p.value === "number" ? [[Date.parse(p.observed_at), p.value]] : []));
        trend.seed(id, s.vital, points);
      }
    }
  };
  await Promise.all([worker(), worker(), worker()]);
}
