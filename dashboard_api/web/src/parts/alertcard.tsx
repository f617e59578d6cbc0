// One alert in full: why, what happened since, how long each step took, and what may be done.

import { useState } from "preact/hooks";
import { act, possible, sending } from "../actions";
import { withdrawn } from "../need";
import { follow } from "../route";
import { may } from "../session";
import { alerts, named, patients, short } from "../store";
import { ago, moment, t, word, type Key } from "../texts";
import { now } from "../tick";
import type { Alert, ScoreInput, TimelineEntry } from "../types";
import { PriorityMark } from "./alertchip";
import { Evidence } from "./evidence";
import { Facts } from "./facts";
import { useLoad } from "./load";
import { ScoreTable } from "./scoretable";

interface Props {
  alert: Alert;
  brief?: boolean;
}

// The given one is the feed's, which tells nothing more of it once it is closed: then the loaded one is newer.
export function AlertCard({ alert: given, brief = false }: Props) {
  const open = alerts.value.some((a) => a.id === given.id);
  const { data } = useLoad<Alert>(`/alerts/${encodeURIComponent(given.id)}`, 0, `${given.version} ${String(open)}`);
  const alert = data && data.version > given.version ? data : given;
  const timeline = data?.timeline ?? [];
  const bed = patients.value.get(alert.patient)?.value.bed;
  return (
    <article class="alertcard" aria-label={alert.title}>
      <header>
        <PriorityMark alert={alert} />
        <h2>{alert.title}</h2>
        <p>
          <a href={`/patients/${alert.patient}`} onClick={follow}>
            {bed ? `${t("ward.bed", { bed })}, ` : ""}
            {named(alert.patient) ?? short(alert.patient)}
          </a>
          {" · "}
          {t(`class.${alert.class}`)} · {word("state", alert.state)}
          {alert.step ? ` · ${word("step", alert.step)}` : ""}
          {alert.acknowledged_by ? ` · ${t("alert.by", { who: alert.acknowledged_by })}` : ""}
        </p>
        <p class="muted">
          {t("alert.since", { at: moment(alert.started_at) })}
          {alert.state !== "closed" && ` (${ago(now.value - Date.parse(alert.started_at))})`}
          {alert.retrospective && ` · ${t("alert.retro")}`}
          {withdrawn(alert) && ` · ${t("alert.withdrawn")}`}
        </p>
      </header>
      <Actions alert={alert} />
      <details open={!brief}>
        <summary>{t("alerts.evidence")}</summary>
        <Evidence alert={alert} />
        <Why alert={alert} />
      </details>
      {timeline.length > 0 && (
        <details open={!brief}>
          <summary>{t("alerts.timeline")}</summary>
          <ol class="timeline">
            {runs(timeline).map((run, i) => (
              <Entry key={i} run={run} />
            ))}
          </ol>
        </details>
      )}
      {!brief && <Delays of={data?.delays ?? alert.delays} />}
    </article>
  );
}

function Why({ alert }: { alert: Alert }) {
  const { inputs, ...rest } = alert.evidence;
  return (
    <>
      <Facts of={rest} vital={alert.subject} />
      {typeof inputs === "object" && inputs !== null && <ScoreTable inputs={timed(inputs as Record<string, ScoreInput>)} at={Date.parse(alert.started_at)} />}
    </>
  );
}

// Evidence carries times as the topics do, in ms.
function timed(inputs: Record<string, ScoreInput>): Record<string, ScoreInput> {
  const one = (input: ScoreInput) => (typeof input.observed_at === "number" ? { ...input, observed_at: new Date(input.observed_at).toISOString() } : input);
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, one(input)]));
}

const remarks = (entry: TimelineEntry): string[] =>
  [entry["comment"], entry["reason"], entry["outcome"], entry["why"]].flatMap((v) => (typeof v === "string" && v ? [v.replace(/_/g, " ")] : []));

// What is said again and again is one line.
function runs(of: TimelineEntry[]): TimelineEntry[][] {
  const same = (a: TimelineEntry, b: TimelineEntry) => a.kind === b.kind && a.actor === b.actor && remarks(a).join() === remarks(b).join();
  const found: TimelineEntry[][] = [];
  for (const entry of of) {
    const last = found[found.length - 1];
    if (last && same(last[0]!, entry)) last.push(entry);
    else found.push([entry]);
  }
  return found;
}

function Entry({ run }: { run: TimelineEntry[] }) {
  const entry = run[0]!;
  const said = remarks(entry);
  return (
    <li>
      <time>{moment(entry.at)}</time> <b>{entry.kind.replace(/_/g, " ")}</b> {entry.actor && t("alert.by", { who: entry.actor })}
      {said.length > 0 && <span class="muted"> {said.join(", ")}</span>}
      {run.length > 1 && <small> {t("alerts.timeline.again", { n: run.length, at: moment(run[run.length - 1]!.at) })}</small>}
    </li>
  );
}

function Delays({ of }: { of: Record<string, unknown> }) {
  const named: [Key, string][] = [
    ["delay.condition", "condition_ms"],
    ["delay.processing", "processing_ms"],
    ["delay.delivery", "delivery_ms"],
  ];
  const known = named.filter(([, name]) => typeof of[name] === "number");
  if (known.length === 0) return null;
  return (
    <details open>
      <summary>{t("alerts.delays")}</summary>
      <Facts of={Object.fromEntries(known.map(([key, name]) => [t(key), `${((of[name] as number) / 1000).toFixed(2)} s`]))} />
    </details>
  );
}

function Actions({ alert }: { alert: Alert }) {
  const [comment, setComment] = useState("");
  const [useful, setUseful] = useState("");
  const waits = sending.value.get(alert.id);
  if (!may("alerts.act") || possible(alert).length === 0) return null;
  const noted = (event: SubmitEvent) => {
    event.preventDefault();
    if (comment.trim()) void act(alert, "comment", { comment: comment.trim() }).then(() => setComment(""));
  };
  return (
    <div class="actions">
      {possible(alert).map((action, i) => (
        <button key={action} class={i === 0 ? "primary" : ""} disabled={waits !== undefined} onClick={() => void act(alert, action, action === "resolve" && useful ? { useful: useful === "yes" } : {})}>
          {waits === action ? t("act.sending") : t(`act.${action}`)}
        </button>
      ))}
      <select aria-label={t("act.useful")} value={useful} onChange={(e) => setUseful(e.currentTarget.value)}>
        <option value="">{t("act.useful")}</option>
        <option value="yes">{t("act.useful.yes")}</option>
        <option value="no">{t("act.useful.no")}</option>
      </select>
      <form class="inline" onSubmit={noted}>
        <input aria-label={t("act.comment.label")} placeholder={t("act.comment.label")} value={comment} onInput={(e) => setComment(e.currentTarget.value)} />
        <button disabled={!comment.trim() || waits !== undefined}>{t("act.comment")}</button>
      </form>
    </div>
  );
}
