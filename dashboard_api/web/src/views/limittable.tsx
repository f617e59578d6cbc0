// The site's limits as a table: for each vital two steps below and two above, and how long each is waited for. Shown in the chosen units.

import { t, word } from "../texts";
import { canonical, shown, unitOf } from "../units";

type Pair = [number, number];

export interface LimitRule {
  low?: Pair | null;
  high?: Pair | null;
  wait_s: Pair;
  priority: [string, string];
}

export type LimitRules = Record<string, LimitRule>;

interface Props {
  limits: LimitRules;
  locked: boolean;
  change: (limits: LimitRules) => void;
}

type Side = "low" | "high" | "wait_s";
// Worst first, as on a scale: second step low, first low, first high, second high, then the waits.
const CELLS: [Side, 0 | 1][] = [
  ["low", 1],
  ["low", 0],
  ["high", 0],
  ["high", 1],
  ["wait_s", 0],
  ["wait_s", 1],
];

export function LimitTable({ limits, locked, change }: Props) {
  const put = (vital: string, side: Side, step: 0 | 1, said: string) => {
    const rule = limits[vital]!;
    const value = side === "wait_s" ? Number(said) : canonical(vital, Number(said));
    const pair = [...(rule[side] ?? [0, 0])] as Pair;
    pair[step] = value;
    change({ ...limits, [vital]: { ...rule, [side]: pair } });
  };
  return (
    <div class="tablebox" tabIndex={0} role="region" aria-label={t("rules.limits")}>
      <table class="rows limittable">
        <thead>
          <tr>
            <th scope="col">{t("news.input")}</th>
            {CELLS.map(([side, step]) => (
              <th key={side + String(step)} scope="col">
                {t(`rules.${side}.${step}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Object.entries(limits).map(([vital, rule]) => (
            <tr key={vital}>
              <th scope="row">
                {word("long", vital)} <small>{unitOf(vital)}</small>
              </th>
              {CELLS.map(([side, step]) => (
                <td key={side + String(step)}>
                  {rule[side] && (
                    <input
                      type="number"
                      step="any"
                      disabled={locked}
                      aria-label={`${word("long", vital)} ${t(`rules.${side}.${step}`)}`}
                      value={side === "wait_s" ? rule[side][step] : shown(vital, rule[side][step])}
                      onChange={(e) => put(vital, side, step, e.currentTarget.value)}
                    />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
