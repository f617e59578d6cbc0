// One rota: the coming shifts, the swaps in it, taking over, and asking somebody to stand in.

import { useEffect, useState } from "preact/hooks";
import { serverNow } from "../clock";
import { shifts, type Shift } from "../parts/calendar";
import { fields } from "../parts/form";
import { useLoad, worded } from "../parts/load";
import { call, may, me, text } from "../session";
import { moment, t } from "../texts";
import type { Page } from "../types";
import { instant, local } from "../zone";

interface Swap {
  n: number;
  schedule: string;
  from: string;
  to: string;
  people: string[];
  reason: string;
  author: string;
}

const HOUR = 3_600_000;
const COMING = 8;

// `since`: changes whenever somebody else has changed the rota.
export function Rota({ schedule, since }: { schedule: string; since: number }) {
  const [coming, setComing] = useState<Shift[]>([]);
  const [fresh, setFresh] = useState(0);
  const swaps = useLoad<Page<Swap>>("/oncall/overrides", 60, fresh + since);
  useEffect(() => {
    const path = `/oncall/schedules/${encodeURIComponent(schedule)}/calendar`;
    void text(path)
      .then((given) => setComing(shifts(given)))
      .catch(() => undefined);
  }, [schedule, fresh, since]);
  const mine = (swaps.data?.items ?? []).filter((s) => s.schedule === schedule);
  return (
    <details class="rota">
      <summary>{t("oncall.rota")}</summary>
      <ol class="shifts">
        {coming
          .filter((s) => s.to > serverNow())
          .slice(0, COMING)
          .map((s) => (
            <li key={s.from}>
              <time>{moment(s.from)}</time> – <time>{moment(s.to)}</time> <b>{s.people}</b>
            </li>
          ))}
      </ol>
      {mine.map((s) => (
        <p key={s.n} class="swap">
          {t("oncall.swapped", { who: s.people.join(", ") || t("oncall.nobody"), from: moment(s.from), to: moment(s.to) })}{" "}
          <small>
            {t("alert.by", { who: s.author })} {s.reason}
          </small>
        </p>
      ))}
      {may("oncall.swap") && <StandIn schedule={schedule} done={() => setFresh(fresh + 1)} />}
    </details>
  );
}

// I take over from now until the shift's end.
export function TakeOver({ schedule, until, done }: { schedule: string; until: string | null; done: () => void }) {
  const [trouble, setTrouble] = useState("");
  const take = async () => {
    const to = until ?? new Date(serverNow() + 8 * HOUR).toISOString();
    try {
      await call("POST", "/oncall/overrides", { schedule, from: new Date(serverNow()).toISOString(), to, people: [me.value?.username], reason: "" });
      done();
    } catch (problem) {
      setTrouble(worded(problem));
    }
  };
  return (
    <>
      <button onClick={() => void take()}>{t("oncall.take")}</button> <span role="alert">{trouble}</span>
    </>
  );
}

function StandIn({ schedule, done }: { schedule: string; done: () => void }) {
  const [said, setSaid] = useState("");
  const people = useLoad<Page<{ name: string }>>("/oncall/people");
  const go = async (event: SubmitEvent) => {
    const form = fields(event);
    const span = { from: new Date(instant(form["from"]!)).toISOString(), to: new Date(instant(form["to"]!)).toISOString() };
    try {
      await call("POST", "/oncall/overrides", { schedule, ...span, people: [form["who"]], reason: form["reason"] ?? "" });
      setSaid(t("oncall.swap.done"));
      done();
    } catch (problem) {
      setSaid(worded(problem));
    }
  };
  const names = [...new Set([...(people.data?.items.map((p) => p.name) ?? []), me.value?.username ?? ""])].filter(Boolean).sort();
  return (
    <form class="inline standin" onSubmit={(event) => void go(event)}>
      <label class="field">
        {t("oncall.who")}
        <select name="who">
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label class="field">
        {t("oncall.from")}
        <input name="from" type="datetime-local" required defaultValue={local(serverNow() + HOUR)} />
      </label>
      <label class="field">
        {t("oncall.to")}
        <input name="to" type="datetime-local" required defaultValue={local(serverNow() + 9 * HOUR)} />
      </label>
      <label class="field">
        {t("limits.reason")}
        <input name="reason" />
      </label>
      <button>{t("oncall.swap")}</button>
      <span role="status">{said}</span>
    </form>
  );
}
