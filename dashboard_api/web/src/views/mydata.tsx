// A patient's own page: what is measured of me, what I agree to, who saw it, and a copy of all of it.

import { useState } from "preact/hooks";
import { Pending, useLoad, worded } from "../parts/load";
import { call, may, me } from "../session";
import { moment, t, word } from "../texts";
import type { Page } from "../types";
import { PatientView } from "./patient";

interface Consent {
  purpose: string;
  granted: boolean | null;
  by: string | null;
  at: string | null;
}

interface Seen {
  at: string;
  actor: string;
  role: string;
  action: string;
}

export function MyData() {
  const patient = me.value?.patient;
  if (!patient) return <p class="empty">{t("patient.unknown")}</p>;
  return (
    <>
      <PatientView id={patient}>
        <p class="inline">
          {may("export") && <Jump to="seen" label={t("mydata.seen")} />}
          {may("consents.read") && <Jump to="consents" label={t("mydata.consents")} />}
        </p>
      </PatientView>
      <section class="page mine" aria-label={t("mydata.title")}>
        {may("consents.read") && <Consents patient={patient} />}
        {may("export") && <Copy patient={patient} />}
      </section>
    </>
  );
}

// What is below the charts is not found there.
function Jump({ to, label }: { to: string; label: string }) {
  return <button onClick={() => document.getElementById(to)?.scrollIntoView({ block: "start" })}>{label} ↓</button>;
}

function Consents({ patient }: { patient: string }) {
  const [said, setSaid] = useState("");
  const loaded = useLoad<Page<Consent>>(`/patients/${patient}/consents`);
  const [answer, setAnswer] = useState<Page<Consent> | null>(null);
  // What is being asked counts before what was answered, so that no tick jumps back meanwhile. One at a time: two could overtake one another.
  const [asked, setAsked] = useState<{ purpose: string; granted: boolean } | null>(null);
  const put = async (purpose: string, granted: boolean) => {
    setAsked({ purpose, granted });
    try {
      setAnswer(await call("PUT", `/patients/${patient}/consents`, { items: [{ purpose, granted }] }));
      setSaid(t("limits.saved"));
    } catch (problem) {
      setSaid(worded(problem));
    }
    setAsked(null);
  };
  return (
    <section class="card" id="consents">
      <h2>{t("mydata.consents")}</h2>
      <Pending of={loaded}>
        {(page) => (
          <ul class="consents">
            {(answer ?? page).items.map((c) => (
              <li key={c.purpose}>
                <label>
                  <input
                    type="checkbox"
                    checked={asked?.purpose === c.purpose ? asked.granted : c.granted === true}
                    disabled={!may("consents.write") || (asked !== null && asked.purpose !== c.purpose)}
                    onClick={(e) => asked && e.preventDefault()} // not disabled: the keyboard's place would be lost
                    onChange={(e) => void put(c.purpose, e.currentTarget.checked)}
                  />
                  {word("consent", c.purpose)}
                </label>
                <small>{c.at ? `${t(c.granted ? "mydata.agreed" : "mydata.withdrawn")} ${moment(c.at)}` : t("mydata.notasked")}</small>
              </li>
            ))}
          </ul>
        )}
      </Pending>
      <p role="status">{said}</p>
    </section>
  );
}

function Copy({ patient }: { patient: string }) {
  const [seen, setSeen] = useState<Seen[] | null>(null);
  const [trouble, setTrouble] = useState("");
  const fetched = async (use: (all: { who_saw_it: Seen[] }) => void) => {
    try {
      use(await call<{ who_saw_it: Seen[] }>("GET", `/patients/${patient}/export`));
      setTrouble("");
    } catch (problem) {
      setTrouble(worded(problem));
    }
  };
  const save = (all: unknown) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(all, null, 1)], { type: "application/json" }));
    link.download = "my-data.json";
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <section class="card" id="seen">
      <h2>{t("mydata.seen")}</h2>
      <div class="inline">
        <button onClick={() => void fetched((all) => setSeen(visits(all.who_saw_it)))}>{t("mydata.seen.show")}</button>
        <button onClick={() => void fetched(save)}>{t("mydata.export")}</button>
        <span role="alert">{trouble}</span>
      </div>
      {seen && (
        <ul class="seen" data-seen>
          {seen.map((entry) => (
            <li key={entry.at + entry.actor}>
              <time>{moment(entry.at)}</time> <b>{entry.actor}</b> <small>({entry.role})</small>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const VISIT_MS = 3_600_000;

// Newest first; what somebody looked at within an hour is one visit.
function visits(all: Seen[]): Seen[] {
  const last = new Map<string, number>();
  return all.filter((entry) => {
    if (entry.actor === me.value?.username) return false;
    const at = Date.parse(entry.at);
    const again = (last.get(entry.actor) ?? Infinity) - at < VISIT_MS;
    last.set(entry.actor, at);
    return !again;
  });
}
