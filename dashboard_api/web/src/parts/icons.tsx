// The page's few pictures, drawn in the text's colour. Each priority has a shape of its own.

import type { Priority } from "../types";

export function Shape({ priority }: { priority: Priority }) {
  return (
    <svg class="shape" viewBox="0 0 16 16" aria-hidden="true">
      {priority === "high" && <path d="M8 1.2 15.4 14.4H.6z" />}
      {priority === "medium" && <path d="M8 .8 15.2 8 8 15.2.8 8z" />}
      {priority === "low" && <circle cx="8" cy="8" r="6.4" />}
      <text x="8" y={priority === "high" ? 13 : 11.4} text-anchor="middle" class="mark">
        {priority === "low" ? "i" : "!"}
      </text>
    </svg>
  );
}

export function Trend({ way, label }: { way: "up" | "down" | "level"; label: string }) {
  const turn = way === "up" ? -45 : way === "down" ? 45 : 0;
  return (
    <svg class={`trend trend-${way}`} viewBox="0 0 16 16" role="img" aria-label={label}>
      <path d="M2 8h11M9 4l4 4-4 4" transform={`rotate(${turn} 8 8)`} fill="none" stroke="currentColor" stroke-width="2" />
    </svg>
  );
}

export function Battery({ level, label }: { level: number; label: string }) {
  return (
    <svg class={`battery ${level < 0.2 ? "flat" : ""}`} viewBox="0 0 24 12" role="img" aria-label={label}>
      <rect x=".7" y=".7" width="20" height="10.6" rx="2.4" fill="none" stroke="currentColor" stroke-width="1.4" />
      <rect x="21.6" y="3.6" width="2" height="4.8" rx="1" fill="currentColor" />
      <rect x="2.6" y="2.6" width={Math.max(1, 16.2 * level)} height="6.8" rx="1" fill="currentColor" />
    </svg>
  );
}

export function Plug({ on, label }: { on: boolean; label: string }) {
  return (
    <svg class={`plug ${on ? "" : "off"}`} viewBox="0 0 16 16" role="img" aria-label={label}>
      <path d="M2 6.2a9 9 0 0 1 12 0M4.4 9a5.4 5.4 0 0 1 7.2 0" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" />
      <circle cx="8" cy="12" r="1.4" fill="currentColor" />
      {!on && <path d="M2 2l12 12" stroke="currentColor" stroke-width="1.9" stroke-linecap="round" />}
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M3 17h6l3-8 5 15 4-10 2 3h6" />
    </svg>
  );
}

// Instead of the word where there is no room for it.
export function Gear() {
  return (
    <svg class="gear" viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="12" r="3.2" />
      <path d="M12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2" />
    </svg>
  );
}
