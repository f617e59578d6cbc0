// This patient's own limits, with a reason and an end.

import { useState } from "preact/hooks";
import { Pending, useLoad, worded } from "../parts/load";
import { call, may } from "../session";
import { moment, t, word } from "../texts";
import { canonical, shown, unitOf } from "../units";

interface Bounds {
  low?: number | null;
  high?: number | null;
  expires_at?: string | null;
  reason?: string;
}

const VITALS = ["hr", "spo2", "rr", "sbp", "temp"];

export function Limits({ patient }: { patient: string }) {
  const loaded = useLoad<Record<string, unknown>>(`/patients/${patient}/limits`);
  return (
    <section class="card">
      <h2>{t("patient.limits")}</h2>
      <Pending of={loaded}>{(given) => <Form patient={patient} given={bounds(given)} done={loaded.again} />}</Pending>
    </section>
  );
}

function bounds(given: Record<string, unknown>): Record<string, Bounds> {
  const inner = (given["limits"] ?? given) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(inner).filter(([, v]) => typeof v === "object" && v !== null && !Array.isArray(v))) as Record<string, Bounds>;
}

function Form({ patient, given, done }: { patient: string; given: Record<string, Bounds>; done: () => void }) {
  const [said, setSaid] = useState("");
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body: Record<string, unknown> = { reason: form.get("reason") };
    const hours = Number(form.get("hours"));
    if (hours > 0) body["expires_at"] = new Date(Date.now() + hours * 3_600_000).toISOString();
    for (const vital of VITALS) {
      const [low, high] = [number(form, vital, "low"), number(form, vital, "high")];
      if (low !== null || high !== null) body[vital] = { low, high };
    }
    try {
      await call("PUT", `/patients/${patient}/limits`, body);
      setSaid(t("limits.saved"));
      done();
    } catch (problem) {
      setSaid(worded(problem));
    }
  };
  const locked = !may("limits.write");
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
                    disabled={locked}
                    aria-label={`${word("long", vital)} ${t(`limits.${side}`)}`}
                    defaultValue={typeof given[vital]?.[side] === "number" ? shown(vital, given[vital]![side]) : ""}
                  />
                </td>
              ))}
              <td class="muted">{given[vital]?.expires_at ? moment(given[vital]!.expires_at!) : t("limits.default")}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {!locked && (
        <div class="inline">
          <input name="reason" required placeholder={t("limits.reason")} aria-label={t("limits.reason")} />
          <select name="hours" aria-label={t("limits.expires")} defaultValue="12">
            {[1, 4, 12, 24, 72].map((h) => (
              <option key={h} value={h}>
                {h} h
              </option>
            ))}
          </select>
          <button class="primary">{t("limits.save")}</button>
        </div>
      )}
      <p role="status">{said}</p>
    </form>
  );
}

function number(form: FormData, vital: string, side: string): number | null {
  const text = String(form.get(`${vital}.${side}`) ?? "").trim();
  return text === "" ? null : canonical(vital, Number(text));
}
