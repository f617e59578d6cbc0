// Logging in: by password, with a second factor where the account has one, or through the hospital's own provider.

import { useEffect, useRef, useState } from "preact/hooks";
import { Logo } from "../parts/icons";
import { path } from "../route";
import { loginError, logIn, open, Problem } from "../session";
import { t } from "../texts";

interface Methods {
  oidc: { name: string; url: string } | null;
}

export function Login() {
  const [trouble, setTrouble] = useState(loginError.value && t("login.provider", { why: loginError.value }));
  const [busy, setBusy] = useState(false);
  const [coded, setCoded] = useState(false);
  const code = useRef<HTMLInputElement>(null);
  const [oidc, setOidc] = useState<Methods["oidc"]>(null);
  useEffect(() => {
    void open<Methods>("/login/methods").then((methods) => setOidc(methods.oidc), () => undefined);
  }, []);
  useEffect(() => code.current?.focus(), [coded]);
  const go = async (event: SubmitEvent) => {
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const said = (name: string) => form.get(name) as string;
    event.preventDefault();
    setBusy(true);
    setTrouble("");
    try {
      await logIn(said("username"), said("password"), coded ? said("totp") : "");
    } catch (problem) {
      if (problem instanceof Problem && problem.body["error"] === "second_factor_required") setCoded(true);
      else setTrouble(worded(problem, coded));
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={(event) => void go(event)}>
        <div class="brand">
          <Logo />
          <h1>{t("app.name")}</h1>
        </div>
        <p class="hint">{t("login.hint")}</p>
        <label>
          {t("login.user")}
          <input name="username" autocomplete="username" autocapitalize="none" spellcheck={false} required autofocus />
        </label>
        <label>
          {t("login.password")}
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        {coded && (
          <label>
            {t("login.code")}
            <input ref={code} name="totp" autocomplete="one-time-code" autocapitalize="none" spellcheck={false} required />
          </label>
        )}
        <p class="trouble" role="alert">
          {trouble}
        </p>
        <button class="primary" disabled={busy}>
          {busy ? t("login.busy") : t("login.go")}
        </button>
        {oidc && (
          <a class="button" href={`${oidc.url}?back=${encodeURIComponent(path.value)}`}>
            {t("login.oidc", { name: oidc.name })}
          </a>
        )}
      </form>
    </main>
  );
}

function worded(problem: unknown, coded: boolean): string {
  if (!(problem instanceof Problem) || problem.status >= 500) return t("login.unreachable");
  return problem.status === 401 ? t(coded ? "login.wrongcode" : "login.wrong") : problem.message;
}
