// Loading something by HTTP: what is shown while it comes, when it fails, and a way to try again.

import { useEffect, useRef, useState } from "preact/hooks";
import { call, Problem } from "../session";
import { t } from "../texts";

export interface Loaded<T> {
  data: T | null;
  error: string | null;
  again: () => void;
}

// `of`: what it is an answer to. A question asked again about the same waits for no answer: an older one that comes late is shown until
// a newer one is there, or a line that is slower than the renewal would never show anything.
export function useLoad<T>(path: string | null, everyS = 0, fresh: unknown = 0, of: unknown = path): Loaded<T> {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const asked = useRef({ last: 0, least: 0 }).current;
  const forget = () => {
    asked.least = asked.last + 1;
  };
  const newest = (one: number) => one >= asked.least && Boolean((asked.least = one));
  useEffect(() => forget, [of, fresh]);
  useEffect(() => {
    if (path === null) return;
    const mine = ++asked.last;
    call<T>("GET", path)
      .then((given) => {
        if (!newest(mine)) return;
        setData(given);
        setError(null);
      })
      .catch((problem: unknown) => {
        if (newest(mine)) setError(worded(problem));
      });
    const timer = everyS ? window.setTimeout(() => setTurn(turn + 1), everyS * 1000) : undefined;
    return () => window.clearTimeout(timer);
  }, [path, turn, fresh]);
  const again = () => {
    forget();
    setTurn(turn + 1);
  };
  return { data, error, again };
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
