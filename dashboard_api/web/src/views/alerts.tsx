// The inbox: what is open, loudest first; what is closed; and one alert in full beside it, or on a narrow screen where it was touched.

import { effect, signal } from "@preact/signals";
import { AlertCard } from "../parts/alertcard";
import { PriorityMark } from "../parts/alertchip";
import { useKeptFocus } from "../parts/focus";
import { Pending, useLoad } from "../parts/load";
import { ranked, withdrawn } from "../need";
import { me } from "../session";
import { alerts, named, patients, short } from "../store";
import { ago, t, word } from "../texts";
import { now } from "../tick";
import type { Alert, Page } from "../types";

const chosen = signal<string | null>(null);
const closed = signal(false);
const NARROW = window.matchMedia("(max-width: 900px)");
const narrow = signal(NARROW.matches);
NARROW.addEventListener("change", () => (narrow.value = NARROW.matches));

export function Alerts() {
  return (
    <main class="split">
      <section class="list" aria-label={t("alerts.title")}>
        <h1>{t("alerts.title")}</h1>
        <div class="tabs" role="tablist">
          {[false, true].map((which) => (
            <button key={String(which)} role="tab" aria-selected={closed.value === which} onClick={() => (closed.value = which)}>
              {t(which ? "alerts.closed" : "alerts.open")}
            </button>
          ))}
        </div>
        {closed.value ? <Closed /> : <List of={ranked(alerts.value)} none={t("alerts.none")} />}
      </section>
      {!narrow.value && <Chosen />}
    </main>
  );
}

function Closed() {
  const loaded = useLoad<Page<Alert>>("/alerts?state=closed&limit=100", 30);
  return <Pending of={loaded}>{(page) => <List of={page.items} none={t("alerts.none.closed")} keep />}</Pending>;
}

const kept = new Map<string, Alert>();
let order: string[] = [];

// What one person had open is not the next one's to see.
effect(() => {
  if (me.value) return;
  chosen.value = null;
  closed.value = false;
  kept.clear();
  order = [];
});

// While one is open in the list, nothing moves under the finger; what is new comes first.
function steady(of: Alert[]): Alert[] {
  const at = new Map(order.map((id, i) => [id, i]));
  const shown = narrow.value && of.some((a) => a.id === chosen.value) ? [...of].sort((a, b) => (at.get(a.id) ?? -1) - (at.get(b.id) ?? -1)) : of;
  order = shown.map((a) => a.id);
  return shown;
}

function List({ of, none, keep = false }: { of: Alert[]; none: string; keep?: boolean }) {
  useKeptFocus();
  if (keep) of.forEach((a) => kept.set(a.id, a));
  if (of.length === 0) return <p class="empty">{none}</p>;
  return (
    <ul class="alertlist">
      {steady(of).map((alert) => (
        <li key={alert.id}>
          <button class="alertrow" aria-pressed={chosen.value === alert.id} onClick={() => choose(alert)} data-alert={alert.id}>
            <PriorityMark alert={alert} />
            <span class="alertrow-text">
              <b>{alert.title}</b>
              <small>
                {where(alert)} · {word("state", alert.state)} · {ago(now.value - Date.parse(alert.started_at))}
                {withdrawn(alert) && ` · ${t("alert.withdrawn")}`}
              </small>
            </span>
          </button>
          {narrow.value && chosen.value === alert.id && (
            <div class="detail">
              <AlertCard alert={alert} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}

// Touched again where it opened, it closes.
function choose(alert: Alert): void {
  chosen.value = narrow.value && chosen.value === alert.id ? null : alert.id;
}

function where(alert: Alert): string {
  const bed = patients.value.get(alert.patient)?.value.bed;
  const who = named(alert.patient) ?? short(alert.patient);
  return bed ? `${t("ward.bed", { bed })}, ${who}` : who;
}

function Chosen() {
  const id = chosen.value;
  const alert = alerts.value.find((a) => a.id === id) ?? (id ? kept.get(id) : undefined);
  if (alert) kept.set(alert.id, alert);
  return <section class="detail">{alert ? <AlertCard key={alert.id} alert={alert} /> : <p class="empty">{t("alerts.choose")}</p>}</section>;
}
