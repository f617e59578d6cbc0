// What surrounds every view: where one is, how fresh the picture is, the sound, who is logged in; and the voice for screen readers.

import { computed, signal } from "@preact/signals";
import { trouble } from "../actions";
import { calls } from "../need";
import { behindMs, health, refusal, silentS } from "../live";
import { Gear, Logo } from "../parts/icons";
import { follow, path } from "../route";
import { logOut, may, me } from "../session";
import { blocked, mute, mutedS, unlock } from "../sound";
import { alerts, latestHigh, named, patients } from "../store";
import { t, wallClock, word, type Key } from "../texts";
import { now } from "../tick";
import { Settings } from "./settings";

const BEHIND_MS = 3_000;
const settings = signal(false);

const PLACES: [string, Key, () => boolean][] = [
  ["/", "nav.ward", () => may("vitals.read") && me.value?.role !== "patient"],
  ["/mydata", "nav.mydata", () => me.value?.role === "patient"],
  ["/alerts", "nav.alerts", () => may("alerts.read")],
  ["/oncall", "nav.oncall", () => may("oncall.read")],
  ["/rules", "nav.rules", () => may("rules.read")],
  ["/devices", "nav.devices", () => may("devices.read")],
  ["/refusals", "nav.refusals", () => may("refusals")],
  ["/audit", "nav.audit", () => may("audit.read")],
  ["/admin", "nav.admin", () => may("accounts")],
];

// Whether this person may be at that address: another one may have been logged in here before.
export const open = (at: string): boolean => PLACES.find(([to]) => to === at)?.[2]() ?? true;

export const home = (): string => (may("accounts") ? "/admin" : undefined) ?? PLACES.find(([, , seen]) => seen())?.[0] ?? "/";

export function Shell({ children }: { children: preact.ComponentChildren }) {
  return (
    <>
      <header class="top">
        <a class="brand" href={home()} onClick={follow} aria-label={t("app.name")}>
          <Logo />
          <span>{t("app.name")}</span>
        </a>
        <nav aria-label={t("nav.main")}>
          {PLACES.filter(([, , seen]) => seen()).map(([to, key]) => (
            <a key={to} href={to} onClick={follow} aria-current={path.value === to ? "page" : undefined}>
              {t(key)}
              {to === "/alerts" && <Open />}
            </a>
          ))}
        </nav>
        <span class="tools">
          <Clock />
          {may("vitals.read") && <Pulse />}
          {may("alerts.read") && <Sound />}
          <button class="plain" aria-label={t("nav.settings")} aria-expanded={settings.value} onClick={() => (settings.value = !settings.value)}>
            <span class="long">{t("nav.settings")}</span>
            <Gear />
          </button>
          <span class="whoami">
            {me.value?.username}
            <small>{me.value?.role}</small>
          </span>
          <button class="plain" onClick={() => void logOut()}>
            {t("nav.logout")}
          </button>
        </span>
      </header>
      {settings.value && <Settings />}
      {may("vitals.read") && <Banner />}
      {may("alerts.read") && <Later />}
      {trouble.value && (
        <p class="banner bad" role="alert">
          {trouble.value} <button onClick={() => (trouble.value = null)}>✕</button>
        </p>
      )}
      {children}
      <Voice />
    </>
  );
}

const minute = computed(() => Math.floor(now.value / 60_000) * 60_000);

function Clock() {
  return <time class="topclock">{wallClock(minute.value)}</time>;
}

function Open() {
  const n = alerts.value.filter(calls).length;
  return n > 0 ? <span class="dotcount">{n}</span> : null;
}

function Pulse() {
  const state = health.value;
  const key: Key = state === "live" ? "feed.live" : "feed.connecting";
  return (
    <span class={`pulse pulse-${state}`} data-health={state}>
      {t(key)}
    </span>
  );
}

// Fails loudly: whoever looks at this page knows whether to believe it.
function Banner() {
  const state = health.value;
  const s = silentS.value;
  if (state === "cut") return <Say text={t("feed.cut", { n: s })} />;
  if (state === "silent") return <Say text={t("feed.silent", { n: s })} />;
  if (refusal.value) return <Say text={t("feed.refused", { why: refusal.value })} />;
  if (behindMs.value > BEHIND_MS) return <Say text={t("feed.behind", { n: Math.round(behindMs.value / 1000) })} />;
  return null;
}

// A value beyond its limit without an alarm is not an alarm that failed: where the site wants it so, the alarm is still to come.
function Later() {
  const s = me.value?.alarms_later_s ?? 0;
  return s > 0 ? (
    <p class="banner calm" data-later>
      {t("feed.later", { n: s })}
    </p>
  ) : null;
}

function Say({ text }: { text: string }) {
  return (
    <p class="banner bad" role="status" data-banner>
      {text}
    </p>
  );
}

function Sound() {
  if (blocked.value) {
    return (
      <button class="plain warn" onClick={unlock}>
        {t("sound.blocked")}
      </button>
    );
  }
  return (
    <button class="plain" onClick={mute} aria-pressed={mutedS.value > 0}>
      {mutedS.value > 0 ? t("sound.muted", { n: mutedS.value }) : t("sound.mute")}
    </button>
  );
}

function Voice() {
  const alert = latestHigh.value;
  const bed = alert ? patients.peek().get(alert.patient)?.peek().bed : "";
  const who = alert ? (named(alert.patient) ?? "") : "";
  return (
    <div class="sr" aria-live="assertive" data-voice>
      {alert && `${word("prio", alert.priority)}: ${alert.title}. ${bed ? t("ward.bed", { bed }) : ""} ${who}`}
    </div>
  );
}
