// Who is on call now, ward by ward; the rotas and hand-overs as the server has them.

import { useEffect } from "preact/hooks";
import { Facts } from "../parts/facts";
import { Pending, useLoad } from "../parts/load";
import { t } from "../texts";
import { loadWards, wards } from "../wards";

export function Oncall() {
  useEffect(() => {
    if (wards.value.length === 0) void loadWards().catch(() => undefined);
  }, []);
  return (
    <main class="page">
      <h1>{t("oncall.title")}</h1>
      <div class="cards">
        {wards.value.map((ward) => (
          <Now key={ward.id} ward={ward.id} name={ward.name} />
        ))}
      </div>
    </main>
  );
}

function Now({ ward, name }: { ward: string; name: string }) {
  const loaded = useLoad<Record<string, unknown>>(`/oncall/now?ward=${encodeURIComponent(ward)}`, 60);
  return (
    <section class="card">
      <h2>{name}</h2>
      <Pending of={loaded}>
        {(given) => {
          const items = given["items"] as Record<string, unknown>[] | undefined;
          if (items && items.length === 0) return <p class="muted">{t("oncall.none")}</p>;
          return <>{(items ?? [given]).map((one, i) => <Facts key={i} of={one} />)}</>;
        }}
      </Pending>
    </section>
  );
}
