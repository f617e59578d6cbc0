// This patient's own limits, with a reason and an end.

import { useState } from "preact/hooks";
import { serverNow } from "../clock";
import { fields } from "../parts/form";
import { Pending, useLoad, worded } from "../parts/load";
import { call, may } from "../session";
import { moment, t, word } from "../texts";
import { canonical, shown, unitOf } from "../units";
import type { LimitRules } from "./limittable";

interface Bounds {
  low?: number | null;
  high?: number | null;
  expires_at?: string | null;
  reason?: string;
}

const VITALS = ["hr", "spo2", "rr", "sbp", "temp"];

export function Limits({ patient }: { patient: string }) {
  const loaded = useLoad<Record<string, unknown>>(`/patients/${patient}/limits`);
  const site = useLoad<{ rules: { limits?: LimitRules } }>(may("rules.read") && may("limits.write") ? "/rules" : null);
  const [said, setSaid] = useState("");
  return (
    <section class="card">
      <h2>{t("patient.limits")}</h2>
      <Pending of={loaded}>{(given) => (!may("limits.write") ? <Plain given={bounds(given)} /> : <Form key={JSON.stringify(given)} patient={patient} given={bounds(given)} site={site.data?.rules.limits ?? {}} say={setSaid} done={loaded.again} />)}</Pending>
      <p role="status">{said}</p>
    </section>
  );
}

function Term({ of }: { of: Bounds }) {
  return (
    <span title={of.reason}>
      {of.expires_at ? moment(of.expires_at) : t("limits.forever")}
      <small> {of.reason}</small>
    </span>
  );
}

function bounds(given: Record<string, unknown>): Record<string, Bounds> {
  const inner = (given["limits"] ?? given) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(inner).filter(([, v]) => typeof v === "object" && v !== null && !Array.isArray(v))) as Record<string, Bounds>;
}

// For those who only read them: what is this patient's own, in words.
function Plain({ given }: { given: Record<string, Bounds> }) {
  const own = Object.entries(given);
  if (own.length === 0) return <p class="muted">{t("limits.none")}</p>;
  return (
    <ul>
      {own.map(([vital, of]) => (
        <li key={vital}>
          {word("long", vital)} {shown(vital, of.low)} – {shown(vital, of.high)} {unitOf(vital)}, {t("limits.expires").toLowerCase()} <Term of={of} />
        </li>
      ))}
    </ul>
  );
}

interface FormProps {
  patient: string;
  given: Record<string, Bounds>;
  site: LimitRules;
  say: (text: string) => void;
  done: () => void;
}

function Form({ patient, given, site, say, done }: FormProps) {
  const save = async (event: SubmitEvent) => {
    const form = fields(event);
    const changed = changes(form, given);
    if (Object.keys(changed).length === 0) {
      say(t("limits.nothing"));
      return;
    }
    const expires = new Date(serverNow() + Number(form["hours"]) * 3_600_000).toISOString();
    const body = { ...changed, reason: form["reason"], expires_at: expires };
    try {
      await call("PUT", `/patients/${patient}/limits`, body);
      say(t("limits.saved"));
      done();
    } catch (problem) {
      say(worded(problem));
    }
  };
  return (
    <form class="limits" onSubmit={(event) => void save(event)}>
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col">{t("limits.low")}</th>
            <th scope="col">{t("limits.high")}</th>
            <th scope="col">{t("limits.expires")}</th>
          </tr>
        </thead>
        <tbody>
          {VITALS.map((vital) => (
            <tr key={vital}>
              <th scope="row">
                {word("long", vital)} <small>{unitOf(vital)}</small>
              </th>
              {(["low", "high"] as const).map((side) => (
                <td key={side}>
                  <input
                    name={`${vital}.${side}`}
                    type="number"
                    step="any"
                    aria-label={`${word("long", vital)} ${t(`limits.${side}`)}`}
                    placeholder={asField(vital, site[vital]?.[side]?.[0])}
                    defaultValue={asField(vital, given[vital]?.[side])}
                  />
                </td>
              ))}
              <td class="muted">{given[vital] ? <Term of={given[vital]} /> : t("limits.default")}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="inline">
        <input name="reason" required placeholder={t("limits.reason")} aria-label={t("limits.reason")} />
        <select name="hours" aria-label={t("limits.expires")}>
          {[1, 4, 12, 24, 72].map((h) => (
            <option key={h} value={h} selected={h === 12}>
              {h} h
            </option>
          ))}
        </select>
        <button class="primary">{t("limits.save")}</button>
      </div>
    </form>
  );
}

// The vitals whose fields differ from what holds: null where both were emptied, which gives the rules' own limits back.
function changes(form: Record<string, string>, given: Record<string, Bounds>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const vital of VITALS) {
    const [low, high] = (["low", "high"] as const).map((side) => form[`${vital}.${side}`] ?? "");
    if (low === asField(vital, given[vital]?.low) && high === asField(vital, given[vital]?.high)) continue;
    found[vital] = low || high ? { low: low ? canonical(vital, Number(low)) : null, high: high ? canonical(vital, Number(high)) : null } : null;
  }
  return found;
}

const asField = (vital: string, value: number | null | undefined): string => (typeof value === "number" ? shown(vital, value) : "");
