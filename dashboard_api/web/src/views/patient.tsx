// One patient: what is now, the score and why, the past over a chosen span, alerts, limits, and the explanation.

import { useState } from "preact/hooks";
import { AlertCard } from "../parts/alertcard";
import { AlertChip } from "../parts/alertchip";
import { NewsBadge } from "../parts/news";
import { ScoreTable } from "../parts/scoretable";
import { LinkMark } from "../parts/linkmark";
import { useLoad } from "../parts/load";
import { PressureValue, VitalValue } from "../parts/value";
import { calls, ranked, silent } from "../need";
import { follow } from "../route";
import { may, me } from "../session";
import { patients, people, pictured, short } from "../store";
import { t, word } from "../texts";
import { now } from "../tick";
import type { Note, Page, Patient, Person } from "../types";
import { BreakGlass } from "./breakglass";
import { Explain } from "./explain";
import { HistoryView } from "./history";
import { Limits } from "./limits";
import { Notes } from "./notes";
import { Strip } from "./strip";
import { Namesake, Why } from "./tile";

const FIRST = ["hr", "pulse", "spo2", "rr"];
const SHOWN_APART = new Set([...FIRST, "sbp", "dbp", "temp", "on_oxygen"]);

// `children`: what else somebody may do here, told before the values.
export function PatientView({ id, children }: { id: string; children?: preact.ComponentChildren }) {
  const of = patients.value.get(id);
  const person = people.value.get(id);
  if (!of && pictured.value) return <BreakGlass patient={id} />;
  if (!of) return <p class="empty">{t("ward.waiting")}</p>;
  return (
    <Known patient={of.value} person={person}>
      {children}
    </Known>
  );
}

interface KnownProps {
  patient: Patient;
  person: Person | undefined;
  children: preact.ComponentChildren;
}

function Known({ patient, person, children }: KnownProps) {
  const id = patient.id;
  const notes = useLoad<Page<Note>>(may("notes.read") ? `/patients/${id}/notes?limit=200` : null, 60);
  const rest = Object.keys(patient.vitals).filter((name) => !SHOWN_APART.has(name));
  return (
    <main class="patient">
      <header class="patienthead">
        {me.value?.role !== "patient" && (
          <a class="back" href="/" onClick={follow}>
            ← {t("patient.back")}
          </a>
        )}
        <h1>
          {patient.bed && <span class="bed">{t("ward.bed", { bed: patient.bed })}</span>} {person?.name ?? short(id)}
        </h1>
        {person?.birth_date && (
          <span class="muted">
            {person.birth_date} {person.sex && `· ${word("sex", person.sex)}`} {person.mrn && `· ${person.mrn}`}
          </span>
        )}
        <LinkMark link={patient.link} />
      </header>
      <Namesake id={id} born={null} />
      <Why of={patient} />
      {children}
      <section class="nowrow">
        <dl class="vitals big">
          {FIRST.filter((name) => name !== "pulse" || patient.vitals["pulse"]).map((name) => (
            <VitalValue key={name} patient={patient} name={name} />
          ))}
          <PressureValue patient={patient} />
          <VitalValue patient={patient} name="temp" />
          {rest.map((name) => (
            <VitalValue key={name} patient={patient} name={name} />
          ))}
        </dl>
        <NewsBadge score={patient.score} vitals={patient.vitals} long old={silent(patient)} />
      </section>
      <Strip patient={id} />
      <div class="columns">
        <HistoryView patient={patient} notes={notes.data?.items ?? []} />
        <aside>
          <OpenAlerts patient={patient} />
          {patient.score && (
            <section class="card">
              <h2>
                {t("patient.score")} <small>{t("news.scale", { n: patient.score.scale })}</small>
              </h2>
              <ScoreTable inputs={patient.score.inputs} at={now.value} />
            </section>
          )}
          {may("limits.read") && <Limits patient={id} />}
          {may("notes.read") && <Notes patient={id} loaded={notes} />}
          {may("explain") && <Explain patient={id} />}
        </aside>
      </div>
    </main>
  );
}

function OpenAlerts({ patient }: { patient: Patient }) {
  const [all, setAll] = useState(false);
  const open = ranked(patient.alerts);
  const first = open.filter(calls);
  const listed = all ? open : (first.length ? first : open).slice(0, 2);
  return (
    <section class="card openalerts">
      <h2>{t("patient.alerts")}</h2>
      {open.length === 0 && <p class="muted">{t("ward.quiet")}</p>}
      {listed.map((alert) => (
        <AlertCard key={alert.id} alert={alert} brief />
      ))}
      {open
        .filter((alert) => !calls(alert) && !listed.includes(alert))
        .map((alert) => (
          <AlertChip key={alert.id} alert={alert} more={0} />
        ))}
      {open.length > listed.length && <button onClick={() => setAll(true)}>{t("alert.more", { n: open.length - listed.length })}</button>}
    </section>
  );
}
