// What was known at a moment, which limits held, what paged or why nothing did.

import { useState } from "preact/hooks";
import { serverNow } from "../clock";
import { fields } from "../parts/form";
import { Pending, useLoad } from "../parts/load";
import { clock, moment, t, word } from "../texts";
import type { Score } from "../types";
import { shown, unitOf } from "../units";
import { instant } from "../zone";

interface Condition {
  vital: string;
  value: number;
  low: number | null;
  high: number | null;
  own_limit: boolean;
  within: boolean;
  beyond_s: number;
  waits_s: number;
  says: string;
}

interface Explanation {
  at: string;
  verdict: string;
  score: Score | null;
  rules: { version?: number };
  conditions: Condition[];
  alerts: { id: string; title: string; state: string; started_at: string }[];
  pages: { channel?: string; recipient?: string; at?: string; state?: string; reason?: string }[];
}

export function Explain({ patient }: { patient: string }) {
  const [at, setAt] = useState<string | null>(null);
  const asked = (event: SubmitEvent) => {
    const { at } = fields(event);
    setAt(new Date(at ? instant(at) : serverNow()).toISOString());
  };
  return (
    <section class="card">
      <h2>{t("patient.explain")}</h2>
      <form class="inline" onSubmit={asked}>
        <input name="at" type="datetime-local" step="1" aria-label={t("patient.explain.at")} />
        <button>{t("patient.explain.go")}</button>
      </form>
      {at && <Answer key={at} path={`/patients/${patient}/explain?at=${at}`} />}
    </section>
  );
}

function Answer({ path }: { path: string }) {
  const loaded = useLoad<Explanation>(path);
  return (
    <Pending of={loaded}>
      {(given) => (
        <div class="explanation">
          <p>
            <b>{given.verdict}</b>
          </p>
          <p class="muted">
            {moment(given.at)}
            {given.rules.version !== undefined && ` · ${t("rules.title")}: ${t("rules.version", { n: given.rules.version })}`}
            {given.score && ` · ${t("news.name")} ${given.score.lowest}–${given.score.highest}`}
          </p>
          <ul>
            {given.conditions.map((c) => (
              <li key={c.vital} class={c.within ? "" : "beyond"}>
                <b>{word("long", c.vital)}</b> {shown(c.vital, c.value)} {unitOf(c.vital)}{" "}
                <small>
                  ({c.low === null ? "" : shown(c.vital, c.low)}–{c.high === null ? "" : shown(c.vital, c.high)}) {c.says}
                </small>
              </li>
            ))}
          </ul>
          {given.alerts.map((a) => (
            <p key={a.id}>
              {a.title} · {word("state", a.state)} · {clock(a.started_at, true)}
            </p>
          ))}
          {given.pages.map((p, i) => (
            <p key={i} class="muted">
              {[p.channel, p.recipient, p.state, p.reason, p.at && clock(p.at, true)].filter(Boolean).join(" · ")}
            </p>
          ))}
        </div>
      )}
    </Pending>
  );
}
