// The ward: tiles sorted by need. The order changes at most every few seconds, so that no tile jumps away from under a finger.

import { computed, signal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { act } from "../actions";
import { byNeed, calls, ranked, silent } from "../need";
import { useKeptFocus } from "../parts/focus";
import { Shape } from "../parts/icons";
import { go } from "../route";
import { may } from "../session";
import { mute } from "../sound";
import { alerts, patients, pictured } from "../store";
import { t } from "../texts";
import type { Patient, Priority } from "../types";
import { pick, ward, wards } from "../wards";
import { Tile } from "./tile";

const order = signal<string[]>([]);
type Shown = Signal<Patient>[];
// The same list as before while nobody came, went or changed ward: values come every second.
let listed: Shown = [];
const here = computed<Shown>(() => {
  const found = [...patients.value.values()].filter((p) => !ward.value || p.value.ward === ward.value);
  if (found.length !== listed.length || found.some((p, i) => p !== listed[i])) listed = found;
  return listed;
});
const silentHere = computed(() => here.value.filter((p) => silent(p.value)).length);

function sort(): void {
  const wanted = byNeed(here.peek().map((p) => p.peek())).map((p) => p.id);
  if (wanted.join() !== order.peek().join()) order.value = wanted;
}

export function Ward() {
  useKeptFocus();
  useEffect(() => {
    sort();
    const timer = window.setInterval(() => {
      if (!document.activeElement?.closest(".tile .ack")) sort();
    }, 3000);
    return () => window.clearInterval(timer);
  }, []);
  const ids = here.value.map((p) => p.peek().id);
  useEffect(sort, [ids.join()]);
  const placed = order.value.filter((id) => ids.includes(id));
  const several = wards.value.length > 1 && !ward.value;
  const name = (id: string) => (several ? (wards.value.find((w) => w.id === id)?.name ?? id) : null);
  return (
    <main class="ward" onKeyDown={keys}>
      <WardBar />
      {!pictured.value && <p class="empty">{t("ward.waiting")}</p>}
      {pictured.value && placed.length === 0 && <p class="empty">{t("ward.empty")}</p>}
      <div class="tiles">
        {placed.map((id) => {
          const of = patients.value.get(id);
          return of && <Tile key={id} of={of} wardName={name(of.peek().ward)} />;
        })}
      </div>
    </main>
  );
}

function WardBar() {
  const shown = here.value;
  const mine = new Set(shown.map((p) => p.peek().id));
  const open = alerts.value.filter((a) => mine.has(a.patient) && calls(a));
  const stale = silentHere.value;
  return (
    <div class="wardbar">
      <h1 class="sr">{t("nav.ward")}</h1>
      {wards.value.length > 1 && (
        <select aria-label={t("ward.choose")} value={ward.value} onChange={(event) => pick(event.currentTarget.value)}>
          <option value="">{t("ward.all")}</option>
          {wards.value.map((w) => (
            <option key={w.id} value={w.id}>
              {w.name}
            </option>
          ))}
        </select>
      )}
      {wards.value.length === 1 && <strong class="wardname">{wards.value[0]!.name}</strong>}
      <span class="count">{shown.length === 1 ? t("ward.patient1") : t("ward.patients", { n: shown.length })}</span>
      <span class="counts">
        {(["high", "medium", "low"] as Priority[]).map((p) => (
          <Count key={p} priority={p} n={open.filter((a) => a.priority === p).length} />
        ))}
        {stale > 0 && <span class="count-stale">{t("sum.stale", { n: stale })}</span>}
      </span>
      <button class="plain wallbutton" onClick={wall}>
        {t("ward.wall")}
      </button>
    </div>
  );
}

function Count({ priority, n }: { priority: Priority; n: number }) {
  if (n === 0) return null;
  return (
    <span class={`prio prio-${priority}`}>
      <Shape priority={priority} />
      <span>{t(`sum.${priority}`, { n })}</span>
    </span>
  );
}

export function wall(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.documentElement.requestFullscreen();
}

document.addEventListener("fullscreenchange", () => document.documentElement.classList.toggle("wall", document.fullscreenElement !== null));

// Arrows between tiles, A acknowledges, M mutes, F fills the screen.
function keys(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.metaKey || event.ctrlKey || event.altKey || /^(SELECT|INPUT|TEXTAREA)$/.test(target.tagName)) return;
  const links = [...document.querySelectorAll<HTMLElement>(".tile .who")];
  const tile = target.closest<HTMLElement>(".tile");
  const at = tile ? links.indexOf(tile.querySelector<HTMLElement>(".who")!) : -1;
  const grid = document.querySelector(".tiles");
  const columns = grid ? getComputedStyle(grid).gridTemplateColumns.split(" ").length : 1;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  if (step !== undefined) {
    event.preventDefault();
    links[Math.max(0, Math.min(links.length - 1, at + step))]?.focus();
  } else if (event.key === "a" && tile?.dataset["patient"] && may("alerts.act")) {
    const top = ranked(patients.peek().get(tile.dataset["patient"])?.peek().alerts ?? [])[0];
    if (top && calls(top)) void act(top, "acknowledge");
  } else if (event.key === "m") mute();
  else if (event.key === "f") wall();
  else if (event.key === "Escape") go("/");
}

