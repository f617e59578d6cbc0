// What the alarms are worth, by people's own judgement, and how long each step takes: what a change of the rules is argued with.

import { useLoad } from "../parts/load";
import { type Key, t, word } from "../texts";

interface Quality {
  rules: { rule: string; alerts: number; judged: number; precision: number | null }[];
  delays: { priority: string; stage: string; alerts: number; p50_ms: number; p99_ms: number }[];
}

const seconds = (ms: number): string => (ms / 1000).toFixed(2);

function Heads({ of }: { of: Key[] }) {
  return (
    <thead>
      <tr>
        {of.map((key) => (
          <th key={key} scope="col">
            {t(key)}
          </th>
        ))}
      </tr>
    </thead>
  );
}

export function Quality() {
  const loaded = useLoad<Quality>("/rules/quality", 60);
  if (!loaded.data || loaded.data.rules.length === 0) return null;
  return (
    <details class="card">
      <summary>{t("quality.title")}</summary>
      <table class="rows">
        <Heads of={["quality.rule", "quality.alerts", "quality.judged", "quality.precision"]} />
        <tbody>
          {loaded.data.rules.map((r) => (
            <tr key={r.rule}>
              <th scope="row">{r.rule}</th>
              <td>{r.alerts}</td>
              <td>{r.judged}</td>
              <td>{r.precision === null ? "–" : `${Math.round(r.precision * 100)} %`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <table class="rows">
        <Heads of={["quality.step", "quality.alerts", "quality.half", "quality.most"]} />
        <tbody>
          {loaded.data.delays.map((d) => (
            <tr key={d.priority + d.stage}>
              <th scope="row">
                {word("prio", d.priority)}: {word("stage", d.stage)}
              </th>
              <td>{d.alerts}</td>
              <td>{seconds(d.p50_ms)}</td>
              <td>{seconds(d.p99_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
