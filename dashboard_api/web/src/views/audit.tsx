// Who saw or changed what; and whether the chain holds.

import { useState } from "preact/hooks";
import { fields } from "../parts/form";
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
          const given = Object.entries(fields(event)).map(([k, v]) => `&${k}=${encodeURIComponent(v)}`);
          setFilter(given.join(""));
        }}
      >
        <input name="actor" placeholder={t("audit.actor")} aria-label={t("audit.actor")} />
        <input name="patient" placeholder={t("audit.patient.id")} aria-label={t("audit.patient.id")} />
        <button>{t("audit.search")}</button>
        <button type="button" onClick={() => void verify()}>
          {t("audit.verify")}
        </button>
        <span role="status">{said}</span>
      </form>
      <Table path={`/audit?limit=100${filter}`} keyOf={(e) => e.n} columns={auditColumns()} none={t("audit.none")} label={t("audit.title")} />
      <GlassReview />
    </main>
  );
}

interface Grant {
  id: string;
  username: string;
  patient_id: string;
  reason: string;
  at: string;
  expires_at: string;
  reviewed_by: string | null;
}

// Who broke the glass, and whether somebody has looked at it.
function GlassReview() {
  const [fresh, setFresh] = useState(0);
  const look = async (id: string) => {
    await call("POST", `/break-glass/${id}/review`, {}).catch(() => undefined);
    setFresh(fresh + 1);
  };
  const columns: Column<Grant>[] = [
    { head: t("audit.at"), cell: (g) => moment(g.at) },
    { head: t("audit.actor"), cell: (g) => g.username },
    { head: t("audit.patient"), cell: (g) => <code title={g.patient_id}>{short(g.patient_id)}</code> },
    { head: t("limits.reason"), cell: (g) => g.reason },
    { head: t("limits.expires"), cell: (g) => moment(g.expires_at) },
    { head: t("glass.review"), cell: (g) => g.reviewed_by ?? <button onClick={() => void look(g.id)}>{t("glass.reviewed")}</button> },
  ];
  return (
    <section>
      <h2>{t("glass.title")}</h2>
      <Table path="/break-glass?limit=50" keyOf={(g) => g.id} columns={columns} none={t("audit.none")} label={t("glass.title")} fresh={fresh} />
    </section>
  );
}
