// The accounts: making one, and closing one; closing ends its sessions at once.

import { useState } from "preact/hooks";
import { Add } from "../parts/add";
import { Table, type Column } from "../parts/table";
import { call } from "../session";
import { named, people, short } from "../store";
import { t, word } from "../texts";
import { loadPeople, wards } from "../wards";

interface Account {
  username: string;
  role: string;
  wards: string[];
  all_wards: boolean;
  patient: string | null;
  disabled_at: string | null;
}

const ROLES = ["nurse", "doctor", "oncall", "patient", "admin", "auditor", "integration"];
const EVERY = "*";

export function Accounts() {
  const [fresh, setFresh] = useState(0);
  if (people.value.size === 0) void loadPeople().catch(() => undefined);
  const done = () => setFresh(fresh + 1);
  const disable = (username: string, disabled: boolean) => void call("PUT", `/accounts/${encodeURIComponent(username)}`, { disabled }).then(done, done);
  const columns: Column<Account>[] = [
    { head: t("login.user"), cell: (a) => a.username },
    { head: t("admin.role"), cell: (a) => word("role", a.role) },
    { head: t("admin.wards"), cell: (a) => (a.all_wards ? t("ward.all") : a.patient ? (named(a.patient) ?? short(a.patient)) : a.wards.join(", ")) },
    { head: "", cell: (a) => <button onClick={() => disable(a.username, a.disabled_at === null)}>{t(a.disabled_at ? "admin.enable" : "admin.disable")}</button> },
  ];
  return (
    <section class="card">
      <h2>{t("admin.accounts")}</h2>
      <Add
        path="/accounts"
        done={done}
        body={made}
        fields={[
          { name: "username", label: t("login.user") },
          { name: "password", label: t("login.password"), type: "password" },
          { name: "role", label: t("admin.role"), choices: ROLES.map((r) => [r, word("role", r)]) },
          { name: "ward", label: t("nav.ward"), choices: [["", "–"], [EVERY, t("ward.all")], ...wards.value.map((w): [string, string] => [w.id, w.name])] },
          { name: "patient", label: t("audit.patient"), choices: [["", "–"], ...[...people.value.values()].map((p): [string, string] => [p.id, p.name ?? short(p.id)])] },
        ]}
      />
      <Table path="/accounts?limit=100" keyOf={(a) => a.username} columns={columns} fresh={fresh} none="–" label={t("admin.accounts")} />
    </section>
  );
}

function made({ ward, ...form }: Record<string, string>): unknown {
  return { ...form, ...(ward === EVERY ? { all_wards: true } : ward ? { wards: [ward] } : {}) };
}
