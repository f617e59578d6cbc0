// Registering wards and patients, and the accounts; an admin sees names here and no values anywhere.

import { useState } from "preact/hooks";
import { Add } from "../parts/add";
import { Table } from "../parts/table";
import { call } from "../session";
import { t, word } from "../texts";
import type { Person, Ward } from "../types";
import { loadWards, wards } from "../wards";
import { Accounts } from "./accounts";

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
        <Add path="/wards" done={done} fields={[{ name: "id", label: t("admin.ward.id") }, { name: "name", label: t("admin.ward.name") }, { name: "time_zone", label: t("admin.ward.zone"), optional: true }]} />
        <Table<Ward>
          path="/wards?limit=100"
          keyOf={(w) => w.id}
          fresh={fresh}
          none="–"
          label={t("admin.wards")}
          columns={[
            { head: t("admin.ward.id"), cell: (w) => <code>{w.id}</code> },
            { head: t("admin.ward.name"), cell: (w) => w.name },
            { head: t("admin.ward.zone"), cell: (w) => w.time_zone },
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
            { name: "bed", label: t("admin.bed"), optional: true },
          ]}
        />
        <Table<Person>
          path="/patients?limit=100"
          keyOf={(p) => p.id}
          fresh={fresh}
          none="–"
          label={t("admin.patients")}
          columns={[
            { head: t("admin.mrn"), cell: (p) => p.mrn },
            { head: t("admin.name"), cell: (p) => p.name },
            { head: t("nav.ward"), cell: (p) => p.ward },
            { head: t("admin.bed"), cell: (p) => p.bed },
            { head: "", cell: (p) => <Discharge patient={p.id} done={done} /> },
          ]}
        />
      </section>
      <Accounts />
    </main>
  );
}

// Asks once more: a discharged patient leaves every ward's picture.
function Discharge({ patient, done }: { patient: string; done: () => void }) {
  const [sure, setSure] = useState(false);
  const go = () => call("PATCH", `/patients/${patient}`, { discharged: true }).then(done, () => setSure(false));
  return (
    <button class={sure ? "warn" : ""} onClick={() => (sure ? void go() : setSure(true))}>
      {t(sure ? "admin.discharge.sure" : "admin.discharge")}
    </button>
  );
}
