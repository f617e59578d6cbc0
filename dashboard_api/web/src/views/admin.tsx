// Registering wards and patients, and the accounts; an admin sees names here and no values anywhere.

import { useState } from "preact/hooks";
import { worded } from "../parts/load";
import { Table } from "../parts/table";
import { call } from "../session";
import { t, word } from "../texts";
import type { Person, Ward } from "../types";
import { loadWards, wards } from "../wards";

interface Field {
  name: string;
  label: string;
  type?: string;
  choices?: [string, string][];
}

interface Account {
  username: string;
  role: string;
  wards: string[] | null;
  all_wards?: boolean;
}

export function Admin() {
  const [fresh, setFresh] = useState(0);
  const done = () => {
    setFresh(fresh + 1);
    void loadWards();
  };
  if (wards.value.length === 0 && fresh === 0) void loadWards().catch(() => undefined);
  const sexes = ["female", "male", "other", "unknown"].map((s): [string, string] => [s, word("sex", s)]);
  return (
    <main class="page">
      <h1>{t("admin.title")}</h1>
      <section class="card">
        <h2>{t("admin.wards")}</h2>
        <Add path="/wards" done={done} fields={[{ name: "id", label: t("admin.ward.id") }, { name: "name", label: t("admin.ward.name") }]} />
        <Table<Ward>
          path="/wards?limit=100"
          fresh={fresh}
          none="–"
          label={t("admin.wards")}
          columns={[
            { head: t("admin.ward.id"), cell: (w) => <code>{w.id}</code> },
            { head: t("admin.ward.name"), cell: (w) => w.name },
          ]}
        />
      </section>
      <section class="card">
        <h2>{t("admin.patients")}</h2>
        <Add
          path="/patients"
          done={done}
          fields={[
            { name: "mrn", label: t("admin.mrn") },
            { name: "name", label: t("admin.name") },
            { name: "birth_date", label: t("admin.birth"), type: "date" },
            { name: "sex", label: t("admin.sex"), choices: sexes },
            { name: "ward", label: t("nav.ward"), choices: wards.value.map((w) => [w.id, w.name]) },
            { name: "bed", label: t("admin.bed") },
          ]}
        />
        <Table<Person>
          path="/patients?limit=100"
          fresh={fresh}
          none="–"
          label={t("admin.patients")}
          columns={[
            { head: t("admin.mrn"), cell: (p) => p.mrn },
            { head: t("admin.name"), cell: (p) => p.name },
            { head: t("nav.ward"), cell: (p) => p.ward },
            { head: t("admin.bed"), cell: (p) => p.bed },
          ]}
        />
      </section>
      <section class="card">
        <h2>{t("admin.accounts")}</h2>
        <Table<Account>
          path="/accounts?limit=100"
          fresh={fresh}
          none="–"
          label={t("admin.accounts")}
          columns={[
            { head: t("login.user"), cell: (a) => a.username },
            { head: t("audit.actor"), cell: (a) => a.role },
            { head: t("admin.wards"), cell: (a) => (a.all_wards || !a.wards ? t("ward.all") : a.wards.join(", ")) },
          ]}
        />
      </section>
    </main>
  );
}

function Add({ path, fields, done }: { path: string; fields: Field[]; done: () => void }) {
  const [trouble, setTrouble] = useState("");
  const go = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    try {
      await call("POST", path, Object.fromEntries([...new FormData(form).entries()].filter(([, v]) => v !== "")));
      form.reset();
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
            <input name={f.name} type={f.type ?? "text"} required={f.name !== "bed"} />
          )}
        </label>
      ))}
      <button class="primary">{t("admin.add")}</button>
      <span role="alert">{trouble}</span>
    </form>
  );
}
