// An alert in one line: colour, shape and word for its priority; what it is; how long; and the way to acknowledge it.

import { computed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { act, sending } from "../actions";
import { calls, withdrawn } from "../need";
import { may } from "../session";
import { ago, t, word } from "../texts";
import { now } from "../tick";
import type { Alert } from "../types";
import { Shape } from "./icons";

export function PriorityMark({ alert }: { alert: Alert }) {
  return (
    <span class={`prio prio-${alert.priority} ${calls(alert) ? "calling" : "held"}`}>
      <Shape priority={alert.priority} />
      <span>{word("prio", alert.priority)}</span>
    </span>
  );
}

// Redrawn only when its words change.
export function Age({ since }: { since: string }) {
  const words = useMemo(() => computed(() => ago(now.value - Date.parse(since))), [since]);
  return <>{words}</>;
}

export function AlertChip({ alert, more }: { alert: Alert; more: number }) {
  const waits = sending.value.get(alert.id);
  return (
    <div class={`chip chip-${alert.priority} ${calls(alert) ? "calling" : "held"}`}>
      <PriorityMark alert={alert} />
      <span class="chip-text" title={alert.title}>
        {alert.title}
        <small>
          <Age since={alert.started_at} />
          {!calls(alert) && ` · ${alert.step ? word("step", alert.step) : word("state", alert.state)}`}
          {withdrawn(alert) && ` · ${t("alert.withdrawn")}`}
          {more > 0 && ` · ${t("alert.more", { n: more })}`}
        </small>
      </span>
      {calls(alert) && may("alerts.act") && (
        <button
          class="ack"
          disabled={waits !== undefined}
          onClick={(event) => {
            event.stopPropagation();
            void act(alert, "acknowledge");
          }}
          aria-label={waits ? t("act.sending") : `${t("act.short")}: ${alert.title}`}
        >
          {waits ? t("act.sending") : t("act.short")}
        </button>
      )}
    </div>
  );
}
