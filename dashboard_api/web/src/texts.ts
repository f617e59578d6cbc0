// Texts are data: one table a language, the same keys in each (checked by the compiler).

import { effect, signal } from "@preact/signals";
import { de } from "./texts/de";
import { en, type Texts } from "./texts/en";
import { zone } from "./zone";

const TABLES: Record<string, Texts> = { en, de };
const KEPT = "vigil.language";

export const languages: [string, string][] = [
  ["en", "English"],
  ["de", "Deutsch"],
];
export const language = signal(localStorage.getItem(KEPT) ?? (navigator.language.startsWith("de") ? "de" : "en"));

effect(() => {
  localStorage.setItem(KEPT, language.value);
  document.documentElement.lang = language.value;
});

export type Key = keyof Texts;

export function t(key: Key, values: Record<string, string | number> = {}): string {
  const text = (TABLES[language.value] ?? en)[key];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

// A text for a word that came from the server; the word itself where there is none.
export function word(prefix: string, name: string): string {
  const key = `${prefix}.${name}`;
  return key in en ? t(key as Key) : name.replace(/_/g, " ");
}

export function clock(at: string | number, seconds = false): string {
  const form: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: zone.value };
  return new Date(at).toLocaleTimeString(language.value, seconds ? { ...form, second: "2-digit" } : form);
}

export function moment(at: string | number): string {
  const day = new Date(at).toLocaleDateString(language.value, { day: "2-digit", month: "short", timeZone: zone.value });
  return `${day} ${clock(at, true)}`;
}

// For the clock at the top: the time, and whose.
export function wallClock(at: number): string {
  const form: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: zone.value, timeZoneName: "short" };
  return new Date(at).toLocaleTimeString(language.value, form);
}

export function ago(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return t("ago.s", { n: s });
  if (s < 3600) return t("ago.min", { n: Math.floor(s / 60) });
  if (s < 86400) return t("ago.h", { n: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) });
  return t("ago.d", { n: Math.floor(s / 86400) });
}
