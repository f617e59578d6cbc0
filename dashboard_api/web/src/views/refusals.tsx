// What was refused at the doors, for review: requeue it or discard it.

import { useState } from "preact/hooks";
import { worded } from "../parts/load";
import { Table, type Column } from "../parts/table";
import { call } from "../session";
import { moment, t } from "../texts";

interface Refusal {
  id: string;
  reason: string;
  detail: string;
  device: string | null;
  vital: string | null;
  times: number;
  last_at: string;
  state: string;
  text?: string | null;
}

export function Refusals() {
  const [fresh, setFresh] = useState(0);
  const [trouble, setTrouble] = useState("");
  const decide = async (id: string, what: "requeue" | "discard") => {
    try {
      await call("POST", `/refusals/${encodeURIComponent(id)}/${what}`, {});
      setTrouble("");
      setFresh(fresh + 1);
    } catch (problem) {
      setTrouble(worded(problem));
    }
  };
  const columns: Column<Refusal>[] = [
    { head: t("refusals.reason"), cell: (r) => <b>{r.reason.replace(/_/g, " ")}</b> },
    { head: t("refusals.detail"), cell: (r) => r.detail },
    { head: t("refusals.device"), cell: (r) => (r.device ? <code>{r.device}</code> : "–") },
    { head: t("refusals.times"), cell: (r) => r.times },
    { head: t("refusals.last"), cell: (r) => moment(r.last_at) },
    {
      head: "",
      cell: (r) => (
        <span class="inline">
          <button onClick={() => void decide(r.id, "requeue")}>{t("refusals.requeue")}</button>
          <button onClick={() => void decide(r.id, "discard")}>{t("refusals.discard")}</button>
        </span>
      ),
    },
  ];
  return (
    <main class="page">
      <h1>{t("refusals.title")}</h1>
      <p role="alert">{trouble}</p>
      <Table path="/refusals?limit=100" columns={columns} none={t("refusals.none")} label={t("refusals.title")} everyS={15} fresh={fresh} />
    </main>
  );
}
