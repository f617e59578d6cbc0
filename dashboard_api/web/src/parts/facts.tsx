// Plain JSON from the server, shown as facts: evidence, delays, explanations.

import { follow } from "../route";
import { named, short } from "../store";
import { moment, word } from "../texts";
import { en } from "../texts/en";
import { shown, unitOf } from "../units";

const TIME = /^\d{4}-\d\d-\d\dT/;

export function Facts({ of, vital = "" }: { of: Record<string, unknown>; vital?: string }) {
  return (
    <dl class="facts">
      {Object.entries(of).map(([name, value]) => (
        <div key={name} class={typeof value === "object" && value !== null ? "nested" : ""}>
          <dt>{word(`fact.${name}` in en ? "fact" : "long", name)}</dt>
          <dd>{fact(name, value, vital)}</dd>
        </div>
      ))}
    </dl>
  );
}

const MEASURED = new Set(["value", "low", "high", "limit", "mean", "worst", "newest", "first", "last"]);

function fact(name: string, value: unknown, vital: string): preact.ComponentChildren {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number" && name.endsWith("_ms")) return value < 10_000 ? `${value} ms` : `${(value / 1000).toFixed(1)} s`;
  if (typeof value === "number" && (name === "at" || name.endsWith("_at"))) return moment(value);
  if (typeof value === "number" && MEASURED.has(name) && vital && unitOf(vital)) return `${shown(vital, value)} ${unitOf(vital)}`;
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(2);
  if (typeof value === "string" && name === "told_as") return word("prio", value);
  if (typeof value === "string") return TIME.test(value) ? moment(value) : value;
  if (typeof value === "boolean") return value ? "✓" : "✗";
  if (name === "named" && Array.isArray(value)) return value.map(String).map((id) => <Patient key={id} id={id} />);
  if (Array.isArray(value)) return value.map((v, i) => <div key={i}>{typeof v === "object" && v ? <Facts of={v as Record<string, unknown>} vital={vital} /> : fact("", v, vital)}</div>);
  return <Facts of={value as Record<string, unknown>} vital={vital} />;
}

function Patient({ id }: { id: string }) {
  return (
    <a href={`/patients/${id}`} onClick={follow}>
      {named(id) ?? short(id)}
    </a>
  );
}
