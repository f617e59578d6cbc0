// Devices: what is enrolled, on whom, how well connected; enrolling one and putting it on a patient.

import { useState } from "preact/hooks";
import { worded } from "../parts/load";
import { Battery } from "../parts/icons";
import { Table, type Column } from "../parts/table";
import { call, may } from "../session";
import { named, people, short } from "../store";
import { ago, t } from "../texts";
import { now } from "../tick";
import { loadPeople } from "../wards";

interface Device {
  id: string;
  kind: string;
  ward: string | null;
  patient: string | null;
  link: { state?: string; battery?: number | null; buffered?: number | null; at?: string; skew_ms?: number } | null;
}

interface Enrolled {
  id: string;
  password: string;
  mqtt: string;
}

const KINDS = ["monitor", "wearable", "gateway", "cgm", "ecg"];

export function Devices() {
  const [fresh, setFresh] = useState(0);
  const columns: Column<Device>[] = [
    { head: t("devices.id"), cell: (d) => <code>{d.id}</code> },
    { head: t("devices.kind"), cell: (d) => d.kind },
    { head: t("devices.patient"), cell: (d) => (d.patient ? (named(d.patient) ?? short(d.patient)) : may("devices.write") ? <Assign device={d.id} done={() => setFresh(fresh + 1)} /> : "–") },
    { head: t("devices.link"), cell: (d) => (d.link?.state ? <span class={`link ${d.link.state}`}>{d.link.state === "online" ? t("link.online") : t("link.offline")}</span> : "–") },
    { head: t("devices.battery"), cell: (d) => (typeof d.link?.battery === "number" ? <span class="link"><Battery level={d.link.battery} label={t("devices.battery")} /> {Math.round(d.link.battery * 100)} %</span> : "–") },
    { head: t("devices.seen"), cell: (d) => (d.link?.at ? ago(now.value - Date.parse(d.link.at)) : "–") },
  ];
  return (
    <main class="page">
      <h1>{t("devices.title")}</h1>
      {may("devices.write") && <Enrol done={() => setFresh(fresh + 1)} />}
      <Table path="/devices?limit=100" columns={columns} none={t("devices.none")} label={t("devices.title")} everyS={15} fresh={fresh} />
    </main>
  );
}

function Enrol({ done }: { done: () => void }) {
  const [made, setMade] = useState<Enrolled | null>(null);
  const [trouble, setTrouble] = useState("");
  const go = async (event: SubmitEvent) => {
    event.preventDefault();
    const kind = new FormData(event.currentTarget as HTMLFormElement).get("kind");
    try {
      setMade(await call<Enrolled>("POST", "/devices", { kind }));
      setTrouble("");
      done();
    } catch (problem) {
      setTrouble(worded(problem));
    }
  };
  return (
    <form class="card inline" onSubmit={(event) => void go(event)}>
      <b>{t("devices.enrol")}</b>
      <select name="kind" aria-label={t("devices.kind")}>
        {KINDS.map((kind) => (
          <option key={kind}>{kind}</option>
        ))}
      </select>
      <button class="primary">{t("devices.enrol.go")}</button>
      {made && (
        <p class="secret" role="status">
          <code>{made.id}</code> · {t("devices.secret")} <code>{made.password}</code> · {made.mqtt}
        </p>
      )}
      <span role="alert">{trouble}</span>
    </form>
  );
}

function Assign({ device, done }: { device: string; done: () => void }) {
  const [trouble, setTrouble] = useState("");
  if (people.value.size === 0) void loadPeople().catch(() => undefined);
  const put = async (patient: string) => {
    try {
      await call("POST", `/devices/${device}/assignments`, { patient_id: patient, from: new Date().toISOString() });
      done();
    } catch (problem) {
      setTrouble(worded(problem));
    }
  };
  return (
    <>
      <select aria-label={`${t("devices.assign")} ${device}`} value="" onChange={(e) => void put(e.currentTarget.value)}>
        <option value="">{t("devices.assign")}…</option>
        {[...people.value.values()].map((p) => (
          <option key={p.id} value={p.id}>
            {p.bed ? `${t("ward.bed", { bed: p.bed })}, ` : ""}
            {p.name ?? short(p.id)}
          </option>
        ))}
      </select>
      <span role="alert">{trouble}</span>
    </>
  );
}
