// A patient's own page: what is measured of me, and who saw it.

import { useState } from "preact/hooks";
import { worded } from "../parts/load";
import { call, may, me } from "../session";
import { t } from "../texts";
import { PatientView } from "./patient";

export function MyData() {
  const patient = me.value?.patient;
  const [trouble, setTrouble] = useState("");
  const save = async () => {
    try {
      const all = await call<unknown>("GET", `/patients/${patient}/export`);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([JSON.stringify(all, null, 1)], { type: "application/json" }));
      link.download = "my-data.json";
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (problem) {
      setTrouble(worded(problem));
    }
  };
  if (!patient) return <p class="empty">{t("patient.unknown")}</p>;
  return (
    <>
      <PatientView id={patient} />
      {may("export") && (
        <section class="page">
          <button onClick={() => void save()}>{t("mydata.export")}</button> <span role="alert">{trouble}</span>
        </section>
      )}
    </>
  );
}
