// A vital's value: big, with its unit; grey and said so when it is not live.

import { health } from "../live";
import { t, word } from "../texts";
import * as trend from "../trend";
import type { Patient, State, Vital } from "../types";
import { shown, unitOf } from "../units";
import { Trend } from "./icons";

// What may be shown as live: what the server says, unless the feed itself is not.
export function stateNow(vital: Vital | undefined): State | "absent" {
  if (!vital) return "absent";
  if (health.value !== "live" && (vital.state === "live" || vital.state === "doubtful")) return "stale";
  return vital.state;
}

export function VitalValue({ patient, name }: { patient: Patient; name: string }) {
  const vital = patient.vitals[name];
  const state = stateNow(vital);
  const way = state === "live" ? trend.arrow(patient.id, name) : null;
  return (
    <Cell name={name} state={state} unit={state === "absent" ? "" : unitOf(name)} way={way} clockMs={vital?.clock_ms ?? 0}>
      {shown(name, vital?.value)}
    </Cell>
  );
}

export function PressureValue({ patient }: { patient: Patient }) {
  const { sbp, dbp } = patient.vitals;
  const states = [stateNow(sbp), stateNow(dbp)];
  const state = (["absent", "no_value", "stale", "doubtful"] as const).find((s) => states.includes(s)) ?? "live";
  const way = state === "live" ? trend.arrow(patient.id, "sbp") : null;
  return (
    <Cell name="bp" state={state} unit={state === "absent" ? "" : unitOf("sbp")} way={way} clockMs={sbp?.clock_ms ?? 0}>
      {sbp || dbp ? (
        <>
          {shown("sbp", sbp?.value)}
          <i>/</i>
          {shown("dbp", dbp?.value)}
        </>
      ) : (
        "–"
      )}
    </Cell>
  );
}

// The device's clock is wrong: its times were corrected by the server.
function ClockMark({ ms }: { ms: number }) {
  const words = t(ms > 0 ? "value.clock.slow" : "value.clock.ahead", { s: Math.round(Math.abs(ms) / 1000) });
  return (
    <span class="clockmark" role="img" title={words} aria-label={words}>
      ◷
    </span>
  );
}

interface CellProps {
  name: string;
  state: State | "absent";
  unit: string;
  way: "up" | "down" | "level" | null;
  clockMs: number;
  children: preact.ComponentChildren;
}

function Cell({ name, state, unit, way, clockMs, children }: CellProps) {
  const note = state === "live" || state === "absent" ? null : t(`value.${state}`);
  return (
    <div class={`vital vital-${name} is-${state}`} data-vital={name} data-state={state}>
      <dt title={word("long", name)}>
        {word("vital", name)} {note ? <em>{note}</em> : <span class="unit">{unit}</span>}
        {clockMs !== 0 && state !== "absent" && <ClockMark ms={clockMs} />}
      </dt>
      <dd>
        <b>{children}</b>
        {way && way !== "level" && <Trend way={way} label={t(`trend.${way}`)} />}
      </dd>
    </div>
  );
}
