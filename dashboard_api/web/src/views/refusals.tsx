// What was refused at the doors, for review: requeue it or discard it.

import { useState } from "preact/hooks";
import { Pending, useLoad, worded } from "../parts/load";
import { Table, type Column } from "../parts/table";
import { call } from "../session";
import { moment, t, word } from "../texts";

interface Refusal {
  id: string;
  reason: string;
  detail: string;
  device: string | null;
  vital: string | null;
  times: number;
  last_at: string;
  state: string;
  stuck: string | null; // why it cannot go back
  text?: string | null;
  payload?: string | null;
}

export function Refusals() {
  const [fresh, setFresh] = useState(0);
  const [trouble, setTrouble] = useState("");
  const [state, setState] = useState<"open" | "all">("open");
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
    { head: t("refusals.detail"), cell: (r) => <Original of={r} /> },
    { head: t("refusals.device"), cell: (r) => (r.device ? <code>{r.device}</code> : "–") },
    { head: t("refusals.times"), cell: (r) => r.times },
    { head: t("refusals.last"), cell: (r) => moment(r.last_at) },
    {
      head: "",
      cell: (r) => r.state !== "open" ? word("refusals", r.state) : (
        <span class="inline">
          {r.stuck === null ? (
            <button onClick={() => void decide(r.id, "requeue")}>{t("refusals.requeue")}</button>
          ) : (
            <small class="muted" title={r.stuck}>
              {t("refusals.stuck")}
            </small>
          )}
          <button onClick={() => void decide(r.id, "discard")}>{t("refusals.discard")}</button>
        </span>
      ),
    },
  ];
  return (
    <main class="page">
      <h1>{t("refusals.title")}</h1>
      <div class="tabs" role="tablist">
        {(["open", "all"] as const).map((which) => (
          <button key={which} role="tab" aria-selected={state === which} onClick={() => setState(which)}>
            {t(`refusals.${which}`)}
          </button>
        ))}
      </div>
      <p role="alert">{trouble}</p>
      <Table path={`/refusals?limit=100&state=${state}`} keyOf={(r) => r.id} columns={columns} none={t("refusals.none")} label={t("refusals.title")} everyS={15} fresh={fresh} />
    </main>
  );
}

// The original bytes are asked for only when somebody looks.
function Original({ of }: { of: Refusal }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>{of.detail}</summary>
      {open && <Bytes id={of.id} />}
    </details>
  );
}

function Bytes({ id }: { id: string }) {
  const loaded = useLoad<Refusal>(`/refusals/${encodeURIComponent(id)}`);
  return <Pending of={loaded}>{(whole) => <pre class="original">{whole.text ?? whole.payload}</pre>}</Pending>;
}
