// The rules in force, and their editor: limits as a table, the rest as JSON. A change is rehearsed over the past before it is saved, with a
// reason, as a new version, which detection takes up without a restart.

import { useState } from "preact/hooks";
import { Pending, useLoad, worded } from "../parts/load";
import { call, may } from "../session";
import { moment, t } from "../texts";
import { LimitTable, type LimitRules } from "./limittable";
import { Quality } from "./quality";
import { Rehearsing } from "./rehearsal";

interface RuleSet {
  version: number;
  author: string | null;
  reason: string;
  at: string | null;
  rules: { limits?: LimitRules } & Record<string, unknown>;
}

export function Rules() {
  const loaded = useLoad<RuleSet>("/rules");
  const [said, setSaid] = useState("");
  return (
    <main class="page">
      <h1>{t("rules.title")}</h1>
      <p role="status">{said}</p>
      <Pending of={loaded}>{(given) => <Editor key={given.version} given={given} say={setSaid} done={loaded.again} />}</Pending>
      <Quality />
    </main>
  );
}

function Editor({ given, say, done }: { given: RuleSet; say: (text: string) => void; done: () => void }) {
  const [text, setText] = useState(JSON.stringify(given.rules, null, 2));
  const [reason, setReason] = useState("");
  const locked = !may("rules.write") && !may("rehearse");
  const parsed = read(text);
  const save = async () => {
    try {
      const made = await call<RuleSet>("PUT", "/rules", { rules: JSON.parse(text) as unknown, reason, base_version: given.version });
      say(t("rules.saved", { n: made.version }));
      done();
    } catch (problem) {
      say(problem instanceof SyntaxError ? problem.message : worded(problem));
    }
  };
  return (
    <section class="card rules">
      <h2>
        {t("rules.version", { n: given.version })}{" "}
        <small>
          {given.author && t("alert.by", { who: given.author })} {given.at && moment(given.at)} {given.reason}
        </small>
      </h2>
      {parsed?.limits && <LimitTable limits={parsed.limits} locked={locked} change={(limits) => setText(JSON.stringify({ ...parsed, limits }, null, 2))} />}
      <details>
        <summary>{t("rules.all")}</summary>
        <textarea aria-label={t("rules.title")} spellcheck={false} value={text} readOnly={locked} onInput={(e) => setText(e.currentTarget.value)} rows={26} />
      </details>
      {may("rehearse") && <Rehearsing text={text} />}
      {may("rules.write") && (
        <div class="inline">
          <input aria-label={t("limits.reason")} placeholder={t("limits.reason")} value={reason} onInput={(e) => setReason(e.currentTarget.value)} />
          <button class="primary" disabled={!reason.trim() || parsed === null} onClick={() => void save()}>
            {t("rules.save")}
          </button>
          {parsed === null && <span role="alert">{t("rules.notjson")}</span>}
        </div>
      )}
    </section>
  );
}

function read(text: string): RuleSet["rules"] | null {
  try {
    return JSON.parse(text) as RuleSet["rules"];
  } catch {
    return null;
  }
}
