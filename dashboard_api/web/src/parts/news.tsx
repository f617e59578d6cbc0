// NEWS2: the sum, or its range where inputs are missing; the tier by colour and word; how old it is beside newer values.

import { health } from "../live";
import { ago, t, word } from "../texts";
import type { Sum, Vital } from "../types";

interface Props {
  score: Sum | null;
  vitals?: Record<string, Vital>;
  long?: boolean;
  old?: boolean;
}

const INPUTS = ["hr", "pulse", "rr", "spo2", "sbp", "temp"];
const BEHIND_MS = 30_000;

// How much older the sum is than the values beside it, ms: detection is behind, or a site holds samples back.
function behind(score: Sum, vitals: Record<string, Vital>): number {
  const shown = INPUTS.flatMap((name) => (vitals[name] ? [Date.parse(vitals[name].observed_at)] : []));
  const summed = Object.values(score.inputs ?? {}).flatMap((input) => (input.observed_at ? [Date.parse(input.observed_at)] : []));
  return shown.length && summed.length ? Math.max(...shown) - Math.max(...summed) : 0;
}

// `old`: nothing that is measured of this patient is fresh, so the sum is history too. `vitals`: what stands beside it, if anything.
export function NewsBadge({ score, vitals, long = false, old = false }: Props) {
  if (!score) {
    return (
      <span class="news news-none" title={t("news.none")}>
        <small>{t("news.name")}</small>
        <b>–</b>
      </span>
    );
  }
  const stale = old || health.value !== "live";
  const range = score.lowest === score.highest;
  const said = range ? String(score.lowest) : `${score.lowest}–${score.highest}`;
  const late = vitals ? behind(score, vitals) : 0;
  const title = range ? "" : t("news.range", { lowest: score.lowest, highest: score.highest });
  return (
    <span class={`news tier-${score.tier} ${stale ? "is-stale" : ""}`} title={title} data-news={said}>
      <small>{t("news.name")}</small>
      <b>{said}</b>
      <small>{stale ? t("value.stale") : word("tier", score.tier)}</small>
      {!stale && late >= BEHIND_MS && (
        <small class="news-behind" title={t("news.behind.why")}>
          {t("news.behind", { ago: ago(late) })}
        </small>
      )}
      {long && !range && <span class="news-note">{title}</span>}
    </span>
  );
}
