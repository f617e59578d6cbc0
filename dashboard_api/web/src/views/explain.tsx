// What was known at a moment, which rules ran, what paged or why nothing did.

import { useState } from "preact/hooks";
import { Facts } from "../parts/facts";
import { Pending, useLoad } from "../parts/load";
import { t } from "../texts";

export function Explain({ patient }: { patient: string }) {
  const [at, setAt] = useState<string | null>(null);
  const asked = (event: SubmitEvent) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget as HTMLFormElement).get("at"));
    setAt(new Date(text || Date.now()).toISOString());
  };
  return (
    <section class="card">
      <h2>{t("patient.explain")}</h2>
      <form class="inline" onSubmit={asked}>
        <input name="at" type="datetime-local" step="1" aria-label={t("patient.explain.at")} />
        <button>{t("patient.explain.go")}</button>
      </form>
      {at && <Answer key={at} path={`/patients/${patient}/explain?at=${at}`} />}
    </section>
  );
}

function Answer({ path }: { path: string }) {
  const loaded = useLoad<Record<string, unknown>>(path);
  return <Pending of={loaded}>{(given) => <Facts of={given} />}</Pending>;
}
