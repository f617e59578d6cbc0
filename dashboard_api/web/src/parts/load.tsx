// Loading something by HTTP: what is shown while it comes, when it fails, and a way to try again.

import { useEffect, useState } from "preact/hooks";
import { call, Problem } from "../session";
import { t } from "../texts";

export interface Loaded<T> {
  data: T | null;
  error: string | null;
  again: () => void;
}

export function useLoad<T>(path: string | null, everyS = 0, fresh: unknown = 0): Loaded<T> {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === null) return;
    let current = true;
    call<T>("GET", path)
      .then((given) => {
        if (!current) return;
        setData(given);
        setError(null);
      })
      .catch((problem: unknown) => {
        if (current) setError(worded(problem));
      });
    const timer = everyS ? window.setTimeout(() => setTurn(turn + 1), everyS * 1000) : undefined;
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [path, turn, fresh]);
  return { data, error, again: () => setTurn(turn + 1) };
}

export function worded(problem: unknown): string {
  if (!(problem instanceof Problem)) return t("login.unreachable");
  return problem.status === 404 || problem.status === 405 ? t("common.absent") : problem.message;
}

export function Pending<T>({ of, children }: { of: Loaded<T>; children: (data: T) => preact.ComponentChildren }) {
  if (of.data !== null) return <>{children(of.data)}</>;
  if (of.error === null) return <p class="empty">{t("common.loading")}</p>;
  return (
    <p class="empty">
      {t("common.failed", { why: of.error })} <button onClick={of.again}>{t("common.again")}</button>
    </p>
  );
}
