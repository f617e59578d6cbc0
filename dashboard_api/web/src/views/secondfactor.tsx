// My second factor: set up with an authenticator app, confirmed by a code, taken away by one.

import { useState } from "preact/hooks";
import { fields } from "../parts/form";
import { useLoad, worded } from "../parts/load";
import { Qr } from "../parts/qr";
import { call, refreshMe } from "../session";
import { t } from "../texts";

interface Held {
  confirmed: boolean;
  required: boolean;
}

interface Offer {
  uri: string;
  secret: string;
}

export function SecondFactor() {
  const [fresh, setFresh] = useState(0);
  const [offer, setOffer] = useState<Offer | null>(null);
  const [codes, setCodes] = useState<string[]>([]);
  const [trouble, setTrouble] = useState("");
  const held = useLoad<Held>("/me/second-factor", 0, fresh);
  if (!held.data) return null;
  const doing = async (what: () => Promise<unknown>) => {
    try {
      await what();
      setTrouble("");
      setFresh(fresh + 1);
    } catch (problem) {
      setTrouble(worded(problem));
    }
  };
  const confirm = (event: SubmitEvent) => {
    const body = fields(event);
    return doing(async () => {
      setCodes((await call<{ recovery_codes: string[] }>("POST", "/me/second-factor/confirm", body)).recovery_codes);
      setOffer(null);
    });
  };
  return (
    <section class="card secondfactor" aria-label={t("totp.title")}>
      <h2>{t("totp.title")}</h2>
      <p role="alert">{trouble}</p>
      {!held.data.confirmed && !offer && <button onClick={() => void doing(async () => setOffer(await call<Offer>("POST", "/me/second-factor", {})))}>{t("totp.set")}</button>}
      {offer && (
        <>
          <p>{t("totp.scan")}</p>
          <Qr text={offer.uri} label={t("totp.qr")} />
          <p>
            {t("totp.secret")} <code>{offer.secret}</code> (<a href={offer.uri}>{t("totp.open")}</a>)
          </p>
          <Code label={t("totp.confirm")} go={confirm} />
        </>
      )}
      {codes.length > 0 && (
        <div class="secret" role="status">
          <p>{t("totp.codes")}</p>
          <ul class="recovery">
            {codes.map((code) => (
              <li key={code}>
                <code>{code}</code>
              </li>
            ))}
          </ul>
          <button onClick={() => void refreshMe()}>{t("totp.done")}</button>
        </div>
      )}
      {held.data.confirmed && codes.length === 0 && !held.data.required && <Code label={t("totp.remove")} go={(event) => doing(() => call("POST", "/me/second-factor/remove", fields(event)))} />}
    </section>
  );
}

function Code({ label, go }: { label: string; go: (event: SubmitEvent) => Promise<void> }) {
  return (
    <form class="inline" onSubmit={(event) => void go(event)}>
      <input name="code" required minLength={6} autocomplete="one-time-code" aria-label={t("login.totp")} placeholder={t("login.totp")} />
      <button>{label}</button>
    </form>
  );
}
