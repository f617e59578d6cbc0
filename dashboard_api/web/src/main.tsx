// The page: who is there decides what is shown; the address decides which view.

import { effect } from "@preact/signals";
import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import * as live from "./live";
import { path } from "./route";
import { may, me, resume, starting } from "./session";
import { forgetAll } from "./store";
import { t } from "./texts";
import { followWards, loadWards } from "./wards";
import { Admin } from "./views/admin";
import { Alerts } from "./views/alerts";
import { Audit } from "./views/audit";
import { Devices } from "./views/devices";
import { Login } from "./views/login";
import { MyData } from "./views/mydata";
import { Oncall } from "./views/oncall";
import { PatientView } from "./views/patient";
import { Refusals } from "./views/refusals";
import { Rules } from "./views/rules";
import { SecondFactor } from "./views/secondfactor";
import { home, open, Shell } from "./views/shell";
import { Ward } from "./views/ward";

const VIEWS: Record<string, () => preact.JSX.Element> = {
  "/": Ward,
  "/alerts": Alerts,
  "/oncall": Oncall,
  "/rules": Rules,
  "/devices": Devices,
  "/refusals": Refusals,
  "/audit": Audit,
  "/mydata": MyData,
  "/admin": Admin,
};

function App() {
  if (starting.value) return <p class="empty">{t("common.loading")}</p>;
  if (!me.value) return <Login />;
  if (me.value.permissions.join() === "me")
    return (
      <Shell>
        <main class="page narrow">
          <p>{t("totp.must")}</p>
          <SecondFactor />
        </main>
      </Shell>
    );
  const at = path.value === "/" || !open(path.value) ? home() : path.value;
  const patient = at.match(/^\/patients\/([^/]+)$/)?.[1];
  const View = VIEWS[at] ?? Ward;
  return <Shell>{patient ? <PatientView key={patient} id={decodeURIComponent(patient)} /> : <View key={at} />}</Shell>;
}

let following = "";
let unfollow = (): void => undefined;

// The feed follows the person: it starts with a log-in and ends with it.
effect(() => {
  const who = me.value;
  const key = who && may("vitals.read") ? who.username : "";
  if (key === following) return;
  following = key;
  live.stop();
  unfollow();
  forgetAll();
  if (who && key) void begin(key, who.patient);
});

async function begin(key: string, patient: string | null): Promise<void> {
  const wards = await loadWards().catch(() => []);
  if (following !== key) return; // logged out meanwhile
  live.start({ wards: wards.map((w) => w.id), patients: patient ? [patient] : [], waveforms: [] });
  unfollow = followWards((ids) => live.want({ wards: ids }));
}

void resume().catch(() => undefined);
render(<App />, document.getElementById("app")!);
