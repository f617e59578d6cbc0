// Who is on call and until when, the holes in the rota, swaps, and the hand-over from shift to shift.

import { useEffect, useState } from "preact/hooks";
import { Pending, useLoad, worded } from "../parts/load";
import { NewsBadge } from "../parts/news";
import { call, may, me } from "../session";
import { named, short } from "../store";
import { moment, t, word } from "../texts";
import { Rota, TakeOver } from "./rota";
import type { Page, Priority, Sum } from "../types";
import { loadWards, wards } from "../wards";

interface OnNow {
  schedule: string;
  ward: string | null;
  people: string[];
  pager: string | null;
  until: string | null;
}

interface Gap {
  schedule: string;
  from: string;
  to: string;
}

interface Line {
  id: string;
  bed: string;
  score: Sum | null;
  applicable?: boolean; // sheets of before have none
  alerts: { id: string; title: string; state: string; priority: Priority }[];
  limits: Record<string, unknown>;
}

interface Handover {
  id: string;
  ward: string;
  given_by: string;
  made_at: string;
  sheet: { patients: Line[] };
  schedule: string | null;
  accepted_by: string | null;
  until: string | null;
}

export function Oncall() {
  useEffect(() => {
    if (wards.value.length === 0) void loadWards().catch(() => undefined);
  }, []);
  const gaps = useLoad<Page<Gap>>("/oncall/gaps", 300);
  return (
    <main class="page">
      <h1>{t("oncall.title")}</h1>
      {(gaps.data?.items ?? []).slice(0, 5).map((gap) => (
        <p key={gap.from} class="notice">
          {t("oncall.gap", { schedule: gap.schedule, from: moment(gap.from), to: moment(gap.to) })}
        </p>
      ))}
      <div class="cards">
        {wards.value.map((ward) => (
          <Now key={ward.id} ward={ward.id} name={ward.name} />
        ))}
      </div>
      {may("handover") && <Handovers />}
    </main>
  );
}

function Now({ ward, name }: { ward: string; name: string }) {
  const loaded = useLoad<Page<OnNow>>(`/oncall/now?ward=${encodeURIComponent(ward)}`, 60);
  const [turn, setTurn] = useState(0);
  const taken = () => {
    setTurn(turn + 1);
    loaded.again();
  };
  return (
    <section class="card">
      <h2>{name}</h2>
      <Pending of={loaded}>
        {(page) =>
          page.items.length === 0 ? (
            <p class="muted">
              {t("oncall.none")} {t("oncall.none.then")}
            </p>
          ) : (
            <>
              {page.items.map((one) => (
                <div key={one.schedule} class="shift">
                  <p>
                    <b>{one.pager ?? one.people.join(", ")}</b> <small>{one.schedule}</small>
                  </p>
                  {one.until && <p class="muted">{t("oncall.until", { at: moment(one.until) })}</p>}
                  {may("oncall.swap") && <TakeOver schedule={one.schedule} until={one.until} done={taken} />}
                  <Rota schedule={one.schedule} since={turn} />
                </div>
              ))}
            </>
          )
        }
      </Pending>
    </section>
  );
}

function Handovers() {
  const [fresh, setFresh] = useState(0);
  const [trouble, setTrouble] = useState("");
  const loaded = useLoad<Page<Handover>>("/handovers?limit=10", 30, fresh);
  const doing = async (path: string, body: unknown) => {
    try {
      await call("POST", path, body);
      setTrouble("");
      setFresh(fresh + 1);
    } catch (problem) {
      setTrouble(worded(problem));
    }
  };
  // With the ward's own rota, whose pager moves when the sheet is accepted.
  const give = async (ward: string) => {
    const on = await call<Page<OnNow>>("GET", `/oncall/now?ward=${encodeURIComponent(ward)}`).catch(() => null);
    const rota = on?.items.find((one) => one.ward === ward) ?? on?.items[0];
    await doing("/handovers", { ward, ...(rota ? { schedule: rota.schedule } : {}) });
  };
  return (
    <section class="card">
      <h2>{t("handover.title")}</h2>
      <div class="inline">
        {wards.value.map((ward) => (
          <button key={ward.id} onClick={() => void give(ward.id)}>
            {t("handover.give", { ward: ward.name })}
          </button>
        ))}
        <span role="alert">{trouble}</span>
      </div>
      <Pending of={loaded}>
        {(page) => (
          <>
            {page.items.map((one, i) => (
              <details key={one.id} open={i === 0 && !one.accepted_by}>
                <summary>
                  {wards.value.find((w) => w.id === one.ward)?.name ?? one.ward} · {moment(one.made_at)} · {t("alert.by", { who: one.given_by })}
                  {one.accepted_by && ` · ${t("handover.accepted", { who: one.accepted_by })}`}
                  {one.until && ` · ${t("oncall.until", { at: moment(one.until) })}`}
                </summary>
                <Sheet of={one.sheet.patients} />
                {!one.accepted_by && one.given_by !== me.value?.username && (
                  <button class="primary" onClick={() => void doing(`/handovers/${one.id}/accept`, {})}>
                    {t(one.schedule ? "handover.accept" : "handover.accept.plain")}
                  </button>
                )}
              </details>
            ))}
          </>
        )}
      </Pending>
    </section>
  );
}

function Sheet({ of }: { of: Line[] }) {
  return (
    <table class="rows">
      <tbody>
        {of.map((line) => (
          <tr key={line.id}>
            <th scope="row">{line.bed ? t("ward.bed", { bed: line.bed }) : ""}</th>
            <td>{named(line.id) ?? short(line.id)}</td>
            <td>
              {line.applicable === false ? <small class="muted">{t("news.never")}</small> : <NewsBadge score={line.score} />}
            </td>
            <td>
              {line.alerts.length === 0 && t("ward.quiet")}
              {line.alerts.map((a) => (
                <div key={a.id}>
                  {word("prio", a.priority)}: {a.title} <small>{word("state", a.state)}</small>
                </div>
              ))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
