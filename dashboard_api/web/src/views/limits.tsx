// This patient's own limits, with a reason and an end.

import { useState } from "preact/hooks";
import { serverNow } from "../clock";
import { asField, bounds, changes, overtaken, VITALS, type Bounds, type OwnLimits } from "../parts/bounds";
import { fields } from "../parts/form";
import { Pending, useLoad, worded } from "../parts/load";
import { call, may } from "../session";
import { moment, t, word } from "../texts";
import { shown, unitOf } from "../units";
import type { LimitRules } from "./limittable";

const REFRESH_S = 60;

export function Limits({ patient }: { patient: string }) {
  const loaded = useLoad<Record<string, unknown>>(`/patients/${patient}/limits`, REFRESH_S);
  const site = useLoad<{ rules: { limits?: LimitRules } }>(may("rules.read") && may("limits.write") ? "/rules" : null);
  const [said, setSaid] = useState("");
  // What was shown when somebody began to type stands still until they have saved: no field changes under their fingers.
  const [held, setHeld] = useState<OwnLimits | null>(null);
  const behind = held && loaded.data && JSON.stringify(held) !== JSON.stringify(bounds(loaded.data));
  const done = () => {
    setHeld(null);
    loaded.again();
  };
  const form = (given: OwnLimits) => (
    <Form key={JSON.stringify(given)} patient={patient} given={given} site={site.data?.rules.limits ?? {}} say={setSaid} begun={() => setHeld(given)} done={done} />
  );
  return (
    <section class="card">
      <h2>{t("patient.limits")}</h2>
      <Pending of={loaded}>{(given) => (may("limits.write") ? form(held ?? bounds(given)) : <Plain given={bounds(given)} />)}</Pending>
      <p role="status">{behind ? t("limits.behind") : said}</p>
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

// For those who only read them: what is this patient's own, in words.
function Plain({ given }: { given: OwnLimits }) {
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
  given: OwnLimits;
  site: LimitRules;
  say: (text: string) => void;
  begun: () => void;
  done: () => void;
}

function Form({ patient, given, site, say, begun, done }: FormProps) {
  const save = async (event: SubmitEvent) => {
    const form = fields(event);
    const changed = changes(form, given);
    if (Object.keys(changed).length === 0) {
      say(t("limits.nothing"));
      return;
    }
    const expires = new Date(serverNow() + Number(form["hours"]) * 3_600_000).toISOString();
    const path = `/patients/${patient}/limits`;
    try {
      const meanwhile = overtaken(Object.keys(changed), given, bounds(await call("GET", path)));
      if (!meanwhile) await call("PUT", path, { ...changed, reason: form["reason"], expires_at: expires });
      say(t(meanwhile ? "limits.meanwhile" : "limits.saved"));
      done();
    } catch (problem) {
      say(worded(problem));
    }
  };
  return (
    <form class="limits" onInput={begun} onSubmit={(event) => void save(event)}>
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
