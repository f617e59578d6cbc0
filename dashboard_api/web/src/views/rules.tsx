// The rules in force, and their editor: what is saved, with a reason, is a new version, taken up without a restart.

import { useState } from "preact/hooks";
import { Facts } from "../parts/facts";
import { Pending, useLoad, worded } from "../parts/load";
import { call, may } from "../session";
import { moment, t } from "../texts";

interface RuleSet {
  version: number;
  author: string | null;
  reason: string;
  at: string | null;
  rules: Record<string, unknown>;
}

export function Rules() {
  const loaded = useLoad<RuleSet>("/rules");
  return (
    <main class="page">
      <h1>{t("rules.title")}</h1>
      <Pending of={loaded}>{(given) => <Editor key={given.version} given={given} done={loaded.again} />}</Pending>
    </main>
  );
}

function Editor({ given, done }: { given: RuleSet; done: () => void }) {
  const [text, setText] = useState(JSON.stringify(given.rules, null, 2));
  const [reason, setReason] = useState("");
  const [said, setSaid] = useState("");
  const [found, setFound] = useState<Record<string, unknown> | null>(null);
  const doing = async (what: () => Promise<void>) => {
    try {
      await what();
    } catch (problem) {
      setSaid(problem instanceof SyntaxError ? problem.message : worded(problem));
    }
  };
  const save = () =>
    doing(async () => {
      const made = await call<RuleSet>("PUT", "/rules", { rules: JSON.parse(text), reason, base_version: given.version });
      setSaid(t("rules.saved", { n: made.version }));
      done();
    });
  const rehearse = () =>
    doing(async () => {
      const span = { from: new Date(Date.now() - 86_400_000).toISOString(), to: new Date().toISOString() };
      setFound(await call<Record<string, unknown>>("POST", "/rehearsals", { rules: JSON.parse(text), ...span }));
    });
  return (
    <section class="card rules">
      <h2>
        {t("rules.version", { n: given.version })}{" "}
        <small>
          {given.author && t("alert.by", { who: given.author })} {given.at && moment(given.at)} {given.reason}
        </small>
      </h2>
      <textarea aria-label={t("rules.title")} spellcheck={false} value={text} readOnly={!may("rules.write")} onInput={(e) => setText(e.currentTarget.value)} rows={26} />
      <div class="inline">
        {may("rules.write") && (
          <>
            <input aria-label={t("limits.reason")} placeholder={t("limits.reason")} value={reason} onInput={(e) => setReason(e.currentTarget.value)} />
            <button class="primary" disabled={!reason.trim()} onClick={() => void save()}>
              {t("rules.save")}
            </button>
          </>
        )}
        {may("rehearse") && <button onClick={() => void rehearse()}>{t("rules.rehearse")}</button>}
        <span role="status">{said}</span>
      </div>
      {found && <Facts of={found} />}
    </section>
  );
}
