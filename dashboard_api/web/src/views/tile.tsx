// One patient on the ward: everything a nurse needs at a glance, and the way to act.

import { computed, type Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { AlertChip } from "../parts/alertchip";
import { LinkMark } from "../parts/linkmark";
import { NewsBadge } from "../parts/news";
import { Sparkline } from "../parts/sparkline";
import { PressureValue, VitalValue, stateNow } from "../parts/value";
import { calls, ranked, silent } from "../need";
import { namesakes } from "../namesakes";
import { follow } from "../route";
import { people, short } from "../store";
import { t } from "../texts";
import { now } from "../tick";
import type { Patient } from "../types";
import { why, wrongClock } from "../why";

interface Props {
  of: Signal<Patient>;
  wardName: string | null;
}

export function Tile({ of, wardName }: Props) {
  const patient = of.value;
  const person = people.value.get(patient.id);
  const alerts = ranked(patient.alerts);
  const top = alerts[0];
  const loud = top && calls(top) ? `calls-${top.priority}` : "";
  const rate = patient.vitals["hr"] ? "hr" : "pulse";
  const name = person?.name ?? short(patient.id);
  const bed = patient.bed ? t("ward.bed", { bed: patient.bed }) : t("ward.nobed");
  return (
    <article class={`tile ${loud} ${silent(patient) ? "is-silent" : ""}`} data-patient={patient.id} aria-label={`${bed}, ${name}`}>
      <header>
        <a class="who" href={`/patients/${patient.id}`} onClick={follow}>
          <b>{bed}</b>
          <span class={person?.name ? "" : "pseudonym"}>{name}</span>
          {wardName && <small>{wardName}</small>}
        </a>
        <LinkMark link={patient.link} />
      </header>
      <Namesake id={patient.id} born={person?.birth_date ?? null} />
      <div class="tile-body">
        <dl class="vitals">
          <VitalValue patient={patient} name={rate} />
          <VitalValue patient={patient} name="spo2" />
          <VitalValue patient={patient} name="rr" />
          <PressureValue patient={patient} />
          <VitalValue patient={patient} name="temp" />
        </dl>
        <NewsBadge score={patient.score} vitals={patient.vitals} old={silent(patient)} />
      </div>
      <div class="sparks">
        {[rate, "spo2"].map((vital) => (
          <Sparkline key={vital} patient={patient.id} vital={vital} live={stateNow(patient.vitals[vital]) === "live"} label={t(`vital.${vital}` as "vital.hr")} />
        ))}
      </div>
      <Why of={patient} />
      {top ? <AlertChip alert={top} more={alerts.length - 1} /> : <p class="quiet">{t("ward.quiet")}</p>}
    </article>
  );
}

// Two of one name on a ward are told apart by more than the bed.
export function Namesake({ id, born }: { id: string; born: string | null }) {
  if (!namesakes.value.has(id)) return null;
  return (
    <p class="namesake" data-namesake>
      {born ? t("ward.namesake.born", { born }) : t("ward.namesake")}
    </p>
  );
}

export function Why({ of }: { of: Patient }) {
  const told = useMemo(() => computed(() => why(of, now.value) ?? wrongClock(of)), [of]);
  const said = told.value;
  return said === null ? null : (
    <p class="why" data-why>
      {said}
    </p>
  );
}
