// NEWS2's inputs: value, points and age of each; missing and old ones said so.

import { ago, t, word } from "../texts";
import type { ScoreInput } from "../types";
import { shown, unitOf } from "../units";

interface Props {
  inputs: Record<string, ScoreInput>;
  at: number;
}

const INPUTS: Record<string, string> = { rr: "rr", spo2: "spo2", oxygen: "on_oxygen", sbp: "sbp", pulse: "hr", acvpu: "acvpu", temp: "temp" };

export function ScoreTable({ inputs, at }: Props) {
  return (
      <table class="score">
        <thead>
          <tr>
            <th scope="col">{t("news.input")}</th>
            <th scope="col">{t("news.value")}</th>
            <th scope="col">{t("news.points")}</th>
            <th scope="col">{t("news.age")}</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(inputs).map(([name, input]) => {
            const missing = input.value === undefined || input.value === null;
            const vital = INPUTS[name] ?? name;
            return (
              <tr key={name} class={missing || input.stale ? "missing" : `points-${input.points ?? 0}`}>
                <th scope="row">{word("long", name)}</th>
                <td>{missing ? t("news.missing") : said(vital, input.value!)}</td>
                <td>{input.points ?? "?"}</td>
                <td>{input.observed_at ? ago(at - Date.parse(input.observed_at)) : "–"}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
  );
}

function said(vital: string, value: number | string): string {
  if (vital === "on_oxygen") return t(value === 0 || value === "air" ? "oxygen.air" : "oxygen.on");
  return typeof value === "string" ? value : `${shown(vital, value)} ${unitOf(vital)}`;
}
