// A form that adds one thing to a list on the server: its fields, and what the server says against them.

import { useState } from "preact/hooks";
import { call } from "../session";
import { t } from "../texts";
import { fields as given, reset } from "./form";
import { worded } from "./load";

export interface Field {
  name: string;
  label: string;
  type?: string;
  optional?: boolean;
  choices?: [string, string][];
}

interface Props {
  path: string;
  fields: Field[];
  done: () => void;
  body?: (form: Record<string, string>) => unknown;
}

export function Add({ path, fields, done, body = (form) => form }: Props) {
  const [trouble, setTrouble] = useState("");
  const go = async (event: SubmitEvent) => {
    const form = event.currentTarget;
    try {
      await call("POST", path, body(given(event)));
      reset(form);
      setTrouble("");
      done();
    } catch (problem) {
      setTrouble(worded(problem));
    }
  };
  return (
    <form class="inline" onSubmit={(event) => void go(event)}>
      {fields.map((f) => (
        <label key={f.name} class="field">
          {f.label}
          {f.choices ? (
            <select name={f.name}>
              {f.choices.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          ) : (
            <input name={f.name} type={f.type ?? "text"} required={!f.optional} autocomplete="off" />
          )}
        </label>
      ))}
      <button class="primary">{t("admin.add")}</button>
      <span role="alert">{trouble}</span>
    </form>
  );
}
