// Logging in.

import { useState } from "preact/hooks";
import { Logo } from "../parts/icons";
import { logIn, Problem } from "../session";
import { t } from "../texts";

export function Login() {
  const [trouble, setTrouble] = useState("");
  const [busy, setBusy] = useState(false);
  const go = async (event: SubmitEvent) => {
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const said = (name: string) => form.get(name) as string;
    event.preventDefault();
    setBusy(true);
    setTrouble("");
    try {
      await logIn(said("username"), said("password"));
    } catch (problem) {
      const known = problem instanceof Problem && problem.status < 500;
      setTrouble(known ? (problem.status === 401 ? t("login.wrong") : problem.message) : t("login.unreachable"));
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
        <p class="trouble" role="alert">
          {trouble}
        </p>
        <button class="primary" disabled={busy}>
          {busy ? t("login.busy") : t("login.go")}
        </button>
      </form>
    </main>
  );
}
