// What corrections of devices moved away from a patient, or here: told above the charts of the time that it was of, and while it is news.

import { named } from "../store";
import { moment, t } from "../texts";
import { now } from "../tick";
import type { Correction } from "./assignments";
import type { Lane } from "./lanes";

const NEWS_MS = 86_400_000; // whoever comes on shift looks at the last hour, and must hear of what was moved in any other

interface Props {
  of: Correction[];
  from: number;
  to: number;
}

export function Corrections({ of, from, to }: Props) {
  const told = of.filter((c) => now.value - Date.parse(c.at) < NEWS_MS || (Date.parse(c.to) > from && Date.parse(c.from) < to));
  if (told.length === 0) return null;
  return (
    <ul class="corrections" aria-label={t("corrections.title")}>
      {told.map((c) => (
        <li key={`${c.at} ${c.device} ${c.from} ${c.moved}`}>
          {worded(c)}{" "}
          <small class="muted">
            {c.other_patient && `${named(c.other_patient) ?? c.other_patient} · `}
            {t("corrections.by", { who: c.by, at: moment(c.at), n: c.readings })}
          </small>
        </li>
      ))}
    </ul>
  );
}

export function corrected(of: Correction[]): Lane[] {
  const marks = of.map((c) => ({ from: Date.parse(c.from), to: Date.parse(c.to), kind: "gap", title: t(`corrections.lane.${c.moved}`, { device: c.device }) }));
  return marks.length ? [{ name: t("lane.corrections"), of: marks, rows: 3 }] : [];
}

function worded(c: Correction): string {
  return t(`corrections.${c.moved}.${c.other}`, { device: c.device, from: moment(c.from), to: moment(c.to) });
}
