// The rules in force, and their editor: what is saved is a new version, taken up without a restart.

import { useState } from "preact/hooks";
import { Facts } from "../parts/facts";
import { Pending, useLoad, worded } from "../parts/load";
import { call, may } from "../session";
import { t } from "../texts";

export function Rules() {
  const loaded = useLoad<Record<string, unknown>>("/rules");
  return (
    <main class="page">
      <h1>{t("rules.title")}</h1>
      <Pending of={loaded}>{(given) => <Editor key={String(given["version"])} given={given} done={loaded.again} />}</Pending>
    </main>
  );
}

function Editor({ given, done }: { given: Record<string, unknown>; done: () => void }) {
  const { version, ...rest } = given;
  const [text, setText] = useState(JSON.stringify(rest["rules"] ? rest : given, null, 2));
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
      const made = await call<Record<string, unknown>>("PUT", "/rules", JSON.parse(text));
      setSaid(t("rules.saved", { n: String(made["version"] ?? "") }));
      done();
    });
  const rehearse = () =>
    doing(async () => {
      const span = { from: new Date(Date.now() - 86_400_000).toISOString(), to: new Date().toISOString() };
      setFound(await call<Record<string, unknown>>("POST", "/rehearsals", { rules: JSON.parse(text), ...span }));
    });
  return (
    <section class="card rules">
      {version !== undefined && <h2>{t("rules.version", { n: String(version) })}</h2>}
      <textarea aria-label={t("rules.title")} spellcheck={false} value={text} readOnly={!may("rules.write")} onInput={(e) => setText(e.currentTarget.value)} rows={26} />
      <div class="inline">
        {may("rules.write") && (
          <button class="primary" onClick={() => void save()}>
            {t("rules.save")}
          </button>
        )}
        {may("rehearse") && <button onClick={() => void rehearse()}>{t("rules.rehearse")}</button>}
        <span role="status">{said}</span>
      </div>
      {found && <Facts of={found} />}
    </section>
  );
}
