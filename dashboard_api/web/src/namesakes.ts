// Who on a ward bears another's name: the tile and the patient's page say so, with the day of birth that tells them apart.

import { computed } from "@preact/signals";
import { people } from "./store";
import type { Person } from "./types";

const key = (of: Person) => `${of.ward} ${of.name!.trim().toLocaleLowerCase()}`;

export const namesakes = computed<ReadonlySet<string>>(() => {
  const named = [...people.value.values()].filter((p) => p.name);
  const times = new Map<string, number>();
  for (const p of named) times.set(key(p), (times.get(key(p)) ?? 0) + 1);
  return new Set(named.filter((p) => times.get(key(p))! > 1).map((p) => p.id));
});
