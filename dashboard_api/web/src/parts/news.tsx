// NEWS2: the sum, or its range where inputs are missing; the tier by colour and word.

import { health } from "../live";
import { t, word } from "../texts";
import type { Score } from "../types";

interface Props {
  score: Score | null;
  long?: boolean;
  old?: boolean;
}

// `old`: nothing that is measured of this patient is fresh, so the sum is history too.
export function NewsBadge({ score, long = false, old = false }: Props) {
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
  const title = range ? "" : t("news.range", { lowest: score.lowest, highest: score.highest });
  return (
    <span class={`news tier-${score.tier} ${stale ? "is-stale" : ""}`} title={title} data-news={said}>
      <small>{t("news.name")}</small>
      <b>{said}</b>
      <small>{stale ? t("value.stale") : word("tier", score.tier)}</small>
      {long && !range && <span class="news-note">{title}</span>}
    </span>
  );
}
