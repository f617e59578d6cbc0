// Who saw or changed what; and whether the chain holds.

import { useState } from "preact/hooks";
import { worded } from "../parts/load";
import { Table, type Column } from "../parts/table";
import { call } from "../session";
import { short } from "../store";
import { moment, t } from "../texts";

export interface Entry {
  n: number;
  at: string;
  actor: string;
  role: string;
  action: string;
  patient: string | null;
  resource: string;
  outcome: string;
}

export const auditColumns = (): Column<Entry>[] => [
  { head: "№", cell: (e) => e.n },
  { head: t("audit.at"), cell: (e) => moment(e.at) },
  { head: t("audit.actor"), cell: (e) => `${e.actor} ${e.role ? `(${e.role})` : ""}` },
  { head: t("audit.action"), cell: (e) => <span title={e.resource}>{e.action}</span> },
  { head: t("audit.patient"), cell: (e) => (e.patient ? <code title={e.patient}>{short(e.patient)}</code> : "–") },
  { head: t("audit.outcome"), cell: (e) => <span class={`outcome-${e.outcome}`}>{e.outcome}</span> },
];

export function Audit() {
  const [said, setSaid] = useState("");
  const [filter, setFilter] = useState("");
  const verify = async () => {
    try {
      const verdict = await call<{ intact: boolean; entries: number; broken_at: number | null }>("GET", "/audit/verify");
      setSaid(verdict.intact ? t("audit.ok", { n: verdict.entries }) : t("audit.broken", { n: verdict.broken_at ?? "?" }));
    } catch (problem) {
      setSaid(worded(problem));
    }
  };
  return (
    <main class="page">
      <h1>{t("audit.title")}</h1>
      <form
        class="inline"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget as HTMLFormElement);
          const given = [...form.entries()].filter(([, v]) => v).map(([k, v]) => `&${k}=${encodeURIComponent(String(v))}`);
          setFilter(given.join(""));
        }}
      >
        <input name="actor" placeholder={t("audit.actor")} aria-label={t("audit.actor")} />
        <input name="patient" placeholder={t("audit.patient")} aria-label={t("audit.patient")} />
        <button>{t("common.again")}</button>
        <button type="button" onClick={() => void verify()}>
          {t("audit.verify")}
        </button>
        <span role="status">{said}</span>
      </form>
      <Table path={`/audit?limit=100${filter}`} columns={auditColumns()} none={t("audit.none")} label={t("audit.title")} />
    </main>
  );
}
