// A rehearsal: what the changed rules would have raised over the past, beside those in force, as numbers and as a picture by the hour.

import { useEffect, useState } from "preact/hooks";
import { serverNow } from "../clock";
import { worded } from "../parts/load";
import { call } from "../session";
import { t } from "../texts";

interface Summary {
  patient_days: number;
  total: number;
  by_rule: Record<string, number>;
  by_hour: number[];
}

interface Result {
  before: Summary;
  after: Summary;
  found: number;
  lost: { patient: string; title: string }[];
  lead_s: number;
}

interface Rehearsal {
  id: string;
  state: string;
  problem: string;
  result: Result | null;
}

const DAYS = [1, 3, 7, 30];
const DAY = 86_400_000;
const AGAIN_MS = 1_500;

export function Rehearsing({ text }: { text: string }) {
  const [run, setRun] = useState<Rehearsal | null>(null);
  const [days, setDays] = useState(1);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    if (run?.state !== "running") return;
    const timer = window.setTimeout(() => {
      call<Rehearsal>("GET", `/rehearsals/${run.id}`)
        .then(setRun)
        .catch(() => setRun({ ...run }));
    }, AGAIN_MS);
    return () => window.clearTimeout(timer);
  }, [run]);
  const begin = async () => {
    try {
      setTrouble("");
      const span = { from: new Date(serverNow() - days * DAY).toISOString(), to: new Date(serverNow()).toISOString() };
      setRun(await call<Rehearsal>("POST", "/rehearsals", { rules: JSON.parse(text) as unknown, ...span }));
    } catch (problem) {
      setTrouble(problem instanceof SyntaxError ? t("rules.notjson") : worded(problem));
    }
  };
  return (
    <section class="rehearsal" aria-live="polite">
      <div class="inline">
        <select aria-label={t("rules.rehearse.span")} value={days} onChange={(e) => setDays(Number(e.currentTarget.value))}>
          {DAYS.map((n) => (
            <option key={n} value={n}>
              {t("ago.d", { n })}
            </option>
          ))}
        </select>
        <button disabled={run?.state === "running"} onClick={() => void begin()}>
          {t(run?.state === "running" ? "rules.rehearsing" : "rules.rehearse")}
        </button>
        <span role="alert">{trouble || run?.problem}</span>
      </div>
      {run?.result && <Compared of={run.result} />}
    </section>
  );
}

function Compared({ of }: { of: Result }) {
  const { before, after } = of;
  const names = [...new Set([...Object.keys(before.by_rule), ...Object.keys(after.by_rule)])].sort();
  return (
    <div data-rehearsed>
      <p>
        <b>{t("rules.compare", { before: before.total.toFixed(2), after: after.total.toFixed(2), days: before.patient_days.toFixed(1) })}</b>{" "}
        {t("rules.events", { found: of.found, lost: of.lost.length, lead: of.lead_s.toFixed(0) })}
      </p>
      <Bars before={before.by_hour} after={after.by_hour} />
      {names.length > 0 && (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{t("rules.rule")}</th>
              <th scope="col">{t("rules.inforce")}</th>
              <th scope="col">{t("rules.changed")}</th>
            </tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{(before.by_rule[name] ?? 0).toFixed(2)}</td>
                <td>{(after.by_rule[name] ?? 0).toFixed(2)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

const WIDE = 24 * 28;
const TALL = 120;

// Alerts a patient-day by the hour of the day (UTC): in force left, changed right.
function Bars({ before, after }: { before: number[]; after: number[] }) {
  const most = Math.max(...before, ...after, 1e-9);
  const bar = (value: number, hour: number, side: number) => {
    const height = (value / most) * TALL;
    return <rect key={`${hour} ${side}`} class={side ? "after" : "before"} x={hour * 28 + 2 + side * 12} y={TALL - height} width={11} height={height} />;
  };
  return (
    <figure class="bars">
      <svg viewBox={`0 0 ${WIDE} ${TALL + 16}`} role="img" aria-label={t("rules.picture")}>
        <line x1="0" y1={TALL} x2={WIDE} y2={TALL} />
        {before.map((value, hour) => bar(value, hour, 0))}
        {after.map((value, hour) => bar(value, hour, 1))}
        {before.map((_, hour) => (
          <text key={hour} x={hour * 28 + 13} y={TALL + 13} text-anchor="middle">
            {hour}
          </text>
        ))}
      </svg>
      <figcaption>
        <span class="key before" /> {t("rules.inforce")} <span class="key after" /> {t("rules.changed")} · {t("rules.picture")}
      </figcaption>
    </figure>
  );
}
