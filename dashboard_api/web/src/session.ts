// Who is logged in. The access token lives in memory; the refresh token in this tab's session storage, so that a reload stays logged in.

import { signal } from "@preact/signals";
import { go } from "./route";
import type { Me } from "./types";

interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}

type Body = Record<string, unknown>;

const KEPT = "vigil.refresh";
let access = "";
let renewal: number | undefined;
let renewing: Promise<boolean> | null = null;

export const me = signal<Me | null>(null);
export const starting = signal(true);
export const loginError = signal("");
export const onToken = new Set<(token: string) => void>();

export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly body: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

export const token = (): string => access;

async function tokens(form: Record<string, string>): Promise<void> {
  const answer = await fetch("/api/v1/token", { method: "POST", body: new URLSearchParams(form) });
  const body = (await answer.json().catch(() => ({}))) as Body;
  if (!answer.ok) throw new Problem(answer.status, worded(body, answer), body);
  keep(body as unknown as Tokens);
}

function keep(given: Tokens): void {
  access = given.access_token;
  sessionStorage.setItem(KEPT, given.refresh_token);
  window.clearTimeout(renewal);
  renewal = window.setTimeout(() => void renew(), Math.max(10, given.expires_in * 0.75) * 1000);
  for (const tell of onToken) tell(access);
}

// One renewal at a time: a refresh token works once. False: the session is over. Throws nothing; a network failure keeps the session.
export function renew(): Promise<boolean> {
  renewing ??= once().finally(() => (renewing = null));
  return renewing;
}

async function once(): Promise<boolean> {
  const refresh = sessionStorage.getItem(KEPT);
  if (!refresh) return false;
  try {
    await tokens({ grant_type: "refresh_token", refresh_token: refresh });
    return true;
  } catch (problem) {
    if (problem instanceof Problem && problem.status < 500 && problem.status !== 429) {
      forget();
      return false;
    }
    later();
    return access !== "";
  }
}

// The server is away: asks again, also who it is where nobody knows yet.
function later(): void {
  window.clearTimeout(renewal);
  renewal = window.setTimeout(() => void renew().then((good) => (good && !me.value ? refreshMe().catch(later) : undefined)), 5000);
}

export async function logIn(username: string, password: string, totp = ""): Promise<void> {
  await tokens({ grant_type: "password", username, password, ...(totp ? { totp } : {}) });
  await refreshMe();
}

export async function refreshMe(): Promise<void> {
  me.value = await call<Me>("GET", "/me");
}

export async function resume(): Promise<void> {
  try {
    if ((await cameBack()) || (await renew())) await refreshMe().catch(later);
  } finally {
    starting.value = false;
  }
}

// From the provider: with a code that is good once, or with why not; neither stays in the address bar.
async function cameBack(): Promise<boolean> {
  const said = new URLSearchParams(location.hash.slice(1));
  const code = said.get("login_code");
  loginError.value = said.get("login_error") ?? "";
  if (!code && !loginError.value) return false;
  history.replaceState(null, "", location.pathname);
  if (!code) return false;
  try {
    await tokens({ grant_type: "authorization_code", code });
    return true;
  } catch (problem) {
    loginError.value = problem instanceof Problem ? problem.message : "";
    return false;
  }
}

// A call that needs no log-in.
export async function open<T>(path: string): Promise<T> {
  const answer = await fetch(`/api/v1${path}`);
  if (!answer.ok) throw new Problem(answer.status, answer.statusText);
  return (await answer.json()) as T;
}

export async function logOut(): Promise<void> {
  await call("POST", "/logout", {}).catch(() => undefined);
  forget();
  go("/");
}

function forget(): void {
  access = "";
  sessionStorage.removeItem(KEPT);
  window.clearTimeout(renewal);
  me.value = null;
}

// One call of the API; renews the token once where it has run out. Raises Problem with the server's own words.
export async function call<T>(method: string, path: string, body?: unknown, again = true): Promise<T> {
  const headers: Record<string, string> = { Authorization: `Bearer ${access}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method === "POST" && body !== undefined && again) headers["Idempotency-Key"] = crypto.randomUUID();
  const sent: RequestInit = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
  const answer = await fetch(`/api/v1${path}`, sent);
  if (answer.status === 401 && again && (await renew())) return call<T>(method, path, body, false);
  const text = await answer.text();
  const given = (text && answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : {}) as Body;
  if (!answer.ok) throw new Problem(answer.status, worded(given, answer), given);
  return given as T;
}

// An answer that is not JSON, as it is.
export async function text(path: string): Promise<string> {
  const answer = await fetch(`/api/v1${path}`, { headers: { Authorization: `Bearer ${access}` } });
  if (!answer.ok) throw new Problem(answer.status, answer.statusText);
  return answer.text();
}

// The server's own sentence (RFC 9457), else its status.
function worded(body: Body, answer: Response): string {
  const said = [body["detail"], body["title"], answer.statusText].find((word) => typeof word === "string" && word !== "");
  return typeof said === "string" ? said : String(answer.status);
}

export const may = (right: string): boolean => me.value?.permissions.includes(right) ?? false;
