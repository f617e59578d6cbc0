// NEWS2: the sum, or its range where inputs are missing; the tier by colour and word.

import { health } from "../live";
import { t, word } from "../texts";
import type { Score } from "../types";

export function NewsBadge({ score, long = false }: { score: Score | null; long?: boolean }) {
  if (!score) {
    return (
      <span class="news news-none" title={t("news.none")}>
        <small>{t("news.name")}</small>
        <b>–</b>
      </span>
    );
  }
  const range = score.lowest === score.highest;
  const said = range ? String(score.lowest) : `${score.lowest}–${score.highest}`;
  const title = range ? "" : t("news.range", { lowest: score.lowest, highest: score.highest });
  return (
    <span class={`news tier-${score.tier} ${health.value === "live" ? "" : "is-stale"}`} title={title} data-news={said}>
      <small>{t("news.name")}</small>
      <b>{said}</b>
      <small>{word("tier", score.tier)}</small>
      {long && !range && <span class="news-note">{title}</span>}
    </span>
  );
}
