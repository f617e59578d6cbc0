// What a person does to an alert; the feed tells what came of it.

import { signal } from "@preact/signals";
import { call, Problem } from "./session";
import { t } from "./texts";
import type { Alert } from "./types";

export type Action = "acknowledge" | "on_my_way" | "at_bedside" | "resolve" | "shelve" | "unshelve" | "comment" | "escalate";

// Alert id -> what is being sent; and what went wrong last, for the status line.
export const sending = signal<ReadonlyMap<string, Action>>(new Map());
export const trouble = signal<string | null>(null);

// `useful`: whether it was worth being called for; the rules are judged by it.
export async function act(alert: Alert, action: Action, more: { comment?: string; useful?: boolean } = {}): Promise<void> {
  if (sending.value.has(alert.id)) return;
  sending.value = new Map(sending.value).set(alert.id, action);
  try {
    const until = action === "shelve" ? { until: new Date(Date.now() + 30 * 60_000).toISOString() } : {};
    const outcome = action === "resolve" ? { outcome: "resolved" } : {};
    await call("POST", `/alerts/${encodeURIComponent(alert.id)}/actions`, { action, ...until, ...outcome, ...more });
    trouble.value = null;
  } catch (problem) {
    trouble.value = t("act.failed", { why: problem instanceof Problem ? problem.message : t("login.unreachable") });
  } finally {
    const left = new Map(sending.value);
    left.delete(alert.id);
    sending.value = left;
  }
}

// What may be done next, in the order in which it is usually done.
export function possible(alert: Alert): Action[] {
  if (alert.state === "closed") return [];
  if (alert.state === "shelved") return ["unshelve", "resolve"];
  const first: Action[] = alert.state === "active" || alert.state === "returned" ? ["acknowledge"] : [];
  const step = alert.step ?? "";
  const next: Action[] = step === "" ? ["on_my_way", "at_bedside"] : step === "on_my_way" ? ["at_bedside"] : [];
  return [...first, ...next, "resolve", ...(alert.state === "active" ? (["shelve", "escalate"] as Action[]) : [])];
}
