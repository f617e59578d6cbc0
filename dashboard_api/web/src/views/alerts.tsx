// The inbox: what is open, loudest first; what is closed; and one alert in full beside it.

import { signal } from "@preact/signals";
import { AlertCard } from "../parts/alertcard";
import { PriorityMark } from "../parts/alertchip";
import { Pending, useLoad } from "../parts/load";
import { ranked } from "../need";
import { alerts, named, patients, short } from "../store";
import { ago, t, word } from "../texts";
import { now } from "../tick";
import type { Alert, Page } from "../types";

const chosen = signal<string | null>(null);
const closed = signal(false);

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
      <Chosen />
    </main>
  );
}

function Closed() {
  const loaded = useLoad<Page<Alert>>("/alerts?state=closed&limit=100", 30);
  return <Pending of={loaded}>{(page) => <List of={page.items} none={t("alerts.none.closed")} keep />}</Pending>;
}

const kept = new Map<string, Alert>();

function List({ of, none, keep = false }: { of: Alert[]; none: string; keep?: boolean }) {
  if (keep) of.forEach((a) => kept.set(a.id, a));
  if (of.length === 0) return <p class="empty">{none}</p>;
  return (
    <ul class="alertlist">
      {of.map((alert) => (
        <li key={alert.id}>
          <button class="alertrow" aria-pressed={chosen.value === alert.id} onClick={() => (chosen.value = alert.id)} data-alert={alert.id}>
            <PriorityMark alert={alert} />
            <span class="alertrow-text">
              <b>{alert.title}</b>
              <small>
                {where(alert)} · {word("state", alert.state)} · {ago(now.value - Date.parse(alert.started_at))}
              </small>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
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
