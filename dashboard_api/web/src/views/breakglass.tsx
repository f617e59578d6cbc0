// Access outside the care team: with a reason, for an hour, and it is told to those who review it.

import { useState } from "preact/hooks";
import { fields } from "../parts/form";
import { worded } from "../parts/load";
import { want } from "../live";
import { call, may } from "../session";
import { t } from "../texts";

export function BreakGlass({ patient }: { patient: string }) {
  const [trouble, setTrouble] = useState("");
  const go = async (event: SubmitEvent) => {
    const { reason } = fields(event);
    try {
      await call("POST", "/break-glass", { patient_id: patient, reason });
      want({ patients: [patient] });
    } catch (problem) {
      setTrouble(worded(problem));
    }
  };
  return (
    <main class="page narrow">
      <p>{t("patient.unknown")}</p>
      {may("break_glass") && (
        <form class="card" onSubmit={(event) => void go(event)}>
          <h1>{t("glass.title")}</h1>
          <p class="muted">{t("glass.text")}</p>
          <div class="inline">
            <input name="reason" required minLength={5} aria-label={t("limits.reason")} placeholder={t("limits.reason")} />
            <button class="primary">{t("glass.go")}</button>
          </div>
          <p role="alert" class="trouble">
            {trouble}
          </p>
        </form>
      )}
    </main>
  );
}
