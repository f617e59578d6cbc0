// The connection to the live feed: logs in, subscribes, resumes after a cut, and says honestly how fresh the picture is.

import { signal } from "@preact/signals";
import { setServerTime } from "./clock";
import { onToken, renew, token } from "./session";
import { take } from "./store";
import type { Message } from "./types";

export interface Wanted {
  wards: string[];
  patients: string[];
  waveforms: { patient: string; channel: string }[];
}

export type Health = "connecting" | "live" | "silent" | "cut";

export const health = signal<Health>("connecting");
export const behindMs = signal(0);
export const silentS = signal(0);
export const retryS = signal(0);
export const refusal = signal<string | null>(null);

// A heartbeat comes every two seconds; after this much silence nothing on the screen is shown as live.
const SILENT_MS = 6_000;
const DEAD_MS = 12_000;

let address = "";
let socket: WebSocket | null = null;
let wanted: Wanted = { wards: [], patients: [], waveforms: [] };
let cursor: string | null = null;
let heardAt = 0;
let triedAt = 0;
let locating: Promise<void> | null = null;
let tries = 0;
let timer: number | undefined;
let watch: number | undefined;
let running = false;

export function start(first: Wanted): void {
  wanted = first;
  running = true;
  heardAt = Date.now();
  watch = window.setInterval(look, 500);
  connect();
}

export function stop(): void {
  running = false;
  window.clearInterval(watch);
  window.clearTimeout(timer);
  cursor = null;
  socket?.close();
  socket = null;
}

export function want(change: Partial<Wanted>): void {
  wanted = { ...wanted, ...change };
  if (change.wards || change.patients) cursor = null;
  if (socket?.readyState !== WebSocket.OPEN) return;
  // what one may see can have grown since the log-in: broken glass
  if (change.patients) socket.send(JSON.stringify({ type: "auth", token: token() }));
  subscribe();
}

onToken.add((fresh) => {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "auth", token: fresh }));
});

window.addEventListener("online", () => hurry());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});

function hurry(): void {
  if (!running || socket?.readyState === WebSocket.OPEN) return;
  window.clearTimeout(timer);
  tries = 0;
  connect();
}

function connect(): void {
  if (!running) return;
  retryS.value = 0;
  if (!address) {
    locating ??= locate().finally(() => (locating = null));
    return;
  }
  socket?.close();
  const mine = new WebSocket(address, "vigil.v1");
  socket = mine;
  let last = (triedAt = Date.now());
  mine.onopen = () => {
    last = triedAt = Date.now();
    mine.send(JSON.stringify({ type: "auth", token: token() }));
    subscribe();
  };
  mine.onmessage = (event) => {
    if (mine !== socket) return;
    const silent = Date.now() - last;
    last = Date.now();
    if (silent > SILENT_MS) drop(mine);
    else heard(JSON.parse(event.data as string) as Message);
  };
  mine.onclose = (event) => {
    if (mine === socket) lost(event.code);
  };
}

// Where the feed is; who is not told asks again, as after a connection that failed.
async function locate(): Promise<void> {
  const asked = fetch("/config.json").then((answer) => (answer.ok ? (answer.json() as Promise<{ live: string }>) : null));
  address = (await asked.catch(() => null))?.live ?? "";
  if (address) connect();
  else lost(0);
}

function subscribe(): void {
  socket?.send(JSON.stringify({ type: "subscribe", ...wanted, ...(cursor ? { resume: cursor } : {}) }));
}

function heard(message: Message): void {
  if (message.type === "error") {
    refused(message.code, message.message);
    return;
  }
  heardAt = Date.now();
  tries = 0;
  if (message.type === "heartbeat") {
    setServerTime(Date.parse(message.server_time), heardAt);
    behindMs.value = message.behind_ms;
  } else if (message.type === "snapshot" || message.type === "delta" || message.type === "alert") {
    cursor = message.cursor;
    refusal.value = null;
  }
  take(message);
  health.value = "live";
  silentS.value = 0;
}

// A refusal is no word of the patients: what is on the screen gets older.
function refused(code: string, why: string): void {
  refusal.value = code === "token_expired" || code === "unauthenticated" ? null : why;
  // a glass whose hour is over, or a patient in view who has left: the wards go on
  if (code === "not_found" && wanted.wards.length > 0 && wanted.patients.length + wanted.waveforms.length > 0) want({ patients: [], waveforms: [] });
}

function lost(code: number): void {
  socket = null;
  if (!running) return;
  health.value = "cut";
  silentS.value = Math.max(0, Math.floor((Date.now() - heardAt) / 1000));
  const pause = Math.min(15_000, 500 * 2 ** tries) * (0.5 + Math.random() / 2);
  tries++;
  retryS.value = Math.ceil(pause / 1000);
  timer = window.setTimeout(() => {
    if (code === 4401) void renew().then(connect);
    else connect();
  }, pause);
}

// Also after a sleep: what was on the screen is then old at once, whatever still waits in the socket.
function look(): void {
  const silent = Date.now() - heardAt;
  silentS.value = Math.max(0, Math.floor(silent / 1000));
  if (silent > SILENT_MS && health.value === "live") health.value = "silent";
  if (Date.now() - Math.max(heardAt, triedAt) > DEAD_MS && socket && socket.readyState <= WebSocket.OPEN) drop(socket);
}

// What comes after a silence was said before it: the connection is made anew, and resumes where it was.
function drop(dead: WebSocket): void {
  socket = null;
  dead.close();
  lost(0);
}
