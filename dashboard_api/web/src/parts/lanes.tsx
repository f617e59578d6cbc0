// What else happened, on the charts' own time axis: which device was on, what was alerted, when nothing was measured.

import { moment } from "../texts";
import { LEFT, RIGHT } from "./chart";

export interface Stretch {
  from: number;
  to: number;
  kind: string;
  title: string;
}

export interface Lane {
  name: string;
  of: Stretch[];
}

interface Props {
  lanes: Lane[];
  from: number;
  to: number;
}

export function Lanes({ lanes, from, to }: Props) {
  const share = (at: number) => (100 * (Math.min(to, Math.max(from, at)) - from)) / (to - from);
  return (
    <div class="lanes" style={{ paddingLeft: `${LEFT}px`, paddingRight: `${RIGHT}px` }}>
      {lanes.map((lane) => (
        <div key={lane.name} class="lane" data-lane={lane.name}>
          <span class="lane-name">{lane.name}</span>
          <div class="lane-track">
            {lane.of
              .filter((s) => s.to > from && s.from < to)
              .map((s) => (
                <span
                  key={`${s.from} ${s.title}`}
                  class={`stretch stretch-${s.kind}`}
                  title={s.to - s.from > 1 ? `${s.title}: ${moment(s.from)} – ${moment(s.to)}` : `${moment(s.from)} ${s.title}`}
                  style={{ left: `${share(s.from)}%`, width: `${Math.max(0.3, share(s.to) - share(s.from))}%` }}
                >
                  <i>{s.title}</i>
                </span>
              ))}
          </div>
        </div>
      ))}
    </div>
  );
}
