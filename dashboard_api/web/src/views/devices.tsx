// Devices: what is enrolled, on whom, how well connected, how far its clock is off; enrolling, putting on a patient and taking off, revoking.

import { useState } from "preact/hooks";
import { serverNow } from "../clock";
import { Battery } from "../parts/icons";
import { fields } from "../parts/form";
import { worded } from "../parts/load";
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
  assignment: number | null;
  link: { state?: string; battery?: number | null; buffered?: number | null; at?: string } | null;
  clock?: { skew_ms: number; clock_ms: number; at: string } | null;
}

interface Enrolled {
  id: string;
  password: string;
  mqtt: string;
}

const KINDS = ["monitor", "wearable", "gateway", "cgm", "ecg"];
// A clock nearer than this is right.
const SKEW_MS = 2_000;

export function Devices() {
  const [fresh, setFresh] = useState(0);
  const [made, setMade] = useState<Enrolled | null>(null);
  const [trouble, setTrouble] = useState("");
  if (people.value.size === 0) void loadPeople().catch(() => undefined);
  const doing = async (what: () => Promise<unknown>) => {
    try {
      await what();
      setTrouble("");
      setFresh(fresh + 1);
    } catch (problem) {
      setTrouble(worded(problem));
    }
  };
  const columns: Column<Device>[] = [
    { head: t("devices.id"), cell: (d) => <code>{d.id}</code> },
    { head: t("devices.kind"), cell: (d) => d.kind },
    { head: t("devices.patient"), cell: (d) => <On device={d} doing={doing} /> },
    { head: t("devices.link"), cell: (d) => <Linked of={d.link} /> },
    { head: t("devices.battery"), cell: (d) => <Charge level={d.link?.battery} /> },
    { head: t("devices.clock"), cell: (d) => <Clock of={d.clock} /> },
    { head: t("devices.seen"), cell: (d) => (d.link?.at ? ago(now.value - Date.parse(d.link.at)) : "–") },
  ];
  if (may("devices.write")) columns.push({ head: t("devices.more"), cell: (d) => <More device={d.id} doing={doing} show={setMade} /> });
  return (
    <main class="page">
      <h1>{t("devices.title")}</h1>
      {may("devices.write") && <Enrol doing={doing} show={setMade} />}
      {made && <Secret of={made} />}
      <p role="alert">{trouble}</p>
      <Table path="/devices?limit=100" keyOf={(d) => d.id} columns={columns} none={t("devices.none")} label={t("devices.title")} everyS={15} fresh={fresh} />
    </main>
  );
}

type Doing = (what: () => Promise<unknown>) => Promise<void>;

function Linked({ of }: { of: Device["link"] }) {
  if (!of?.state) return <>–</>;
  const on = of.state === "online";
  return (
    <span class={`link ${of.state}`}>
      {on ? t("link.online") : t("link.offline")}
      {of.buffered ? ` · ${t("link.buffered", { n: of.buffered })}` : ""}
    </span>
  );
}

function Charge({ level }: { level: number | null | undefined }) {
  if (typeof level !== "number") return <>–</>;
  return (
    <span class="link">
      <Battery level={level} label={t("devices.battery")} /> {Math.round(level * 100)} %
    </span>
  );
}

// Ahead: certainly wrong, and corrected. Behind: the clock or a slow way; noted.
function Clock({ of }: { of: Device["clock"] }) {
  if (!of) return <>–</>;
  if (Math.abs(of.skew_ms) < SKEW_MS) return <>{t("clock.right")}</>;
  const n = ago(Math.abs(of.skew_ms));
  return <b>{of.skew_ms > 0 ? t(of.clock_ms ? "clock.ahead.corrected" : "clock.ahead", { n }) : t("clock.behind", { n })}</b>;
}

function Secret({ of }: { of: Enrolled }) {
  return (
    <p class="card secret" role="status">
      <code>{of.id}</code> · {t("devices.secret")} <code>{of.password}</code> · {of.mqtt}
    </p>
  );
}

function Enrol({ doing, show }: { doing: Doing; show: (made: Enrolled) => void }) {
  const go = (event: SubmitEvent) => {
    const { kind } = fields(event);
    return doing(async () => show(await call<Enrolled>("POST", "/devices", { kind })));
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
    </form>
  );
}

function On({ device, doing }: { device: Device; doing: Doing }) {
  if (device.patient) {
    const end = () => doing(() => call("PATCH", `/devices/${device.id}/assignments/${device.assignment ?? 0}`, { to: new Date(serverNow()).toISOString() }));
    return (
      <span class="inline">
        {named(device.patient) ?? short(device.patient)}
        {may("devices.write") && (
          <button aria-label={`${t("devices.end")} ${device.id}`} onClick={() => void end()}>
            {t("devices.end")}
          </button>
        )}
      </span>
    );
  }
  if (!may("devices.write")) return <>–</>;
  const put = (patient: string) => doing(() => call("POST", `/devices/${device.id}/assignments`, { patient_id: patient, from: new Date(serverNow()).toISOString() }));
  return (
    <select aria-label={`${t("devices.assign")} ${device.id}`} value="" onChange={(e) => void put(e.currentTarget.value)}>
      <option value="">{t("devices.assign")}…</option>
      {[...people.value.values()].map((p) => (
        <option key={p.id} value={p.id}>
          {p.bed ? `${t("ward.bed", { bed: p.bed })}, ` : ""}
          {p.name ?? short(p.id)} {p.mrn && `· ${p.mrn}`}
        </option>
      ))}
    </select>
  );
}

// What takes a device out of service asks once more.
function More({ device, doing, show }: { device: string; doing: Doing; show: (made: Enrolled) => void }) {
  const [sure, setSure] = useState(false);
  return (
    <span class="inline">
      <button onClick={() => void doing(async () => show(await call<Enrolled>("POST", `/devices/${device}/secret`, {})))}>{t("devices.renew")}</button>
      <button class={sure ? "warn" : ""} onClick={() => (sure ? void doing(() => call("DELETE", `/devices/${device}`)) : setSure(true))}>
        {t(sure ? "devices.revoke.sure" : "devices.revoke")}
      </button>
    </span>
  );
}
