// What else happened, on the charts' own time axis: which device was on, what was alerted, when nothing was measured. What happened at one
// time lies under one another, and no words lie over others.

import { useEffect, useRef, useState } from "preact/hooks";
import { moment } from "../texts";
import { LEFT, RIGHT } from "./chart";
import { placed, type Placed } from "./placing";

export interface Stretch {
  from: number;
  to: number;
  kind: string;
  title: string;
}

// `rows`: how many may lie under one another, one when left out.
export interface Lane {
  name: string;
  of: Stretch[];
  rows?: number;
}

interface Props {
  lanes: Lane[];
  from: number;
  to: number;
}

const ROW = 16;
const NARROWEST = 3;
const RANK: Record<string, number> = { high: 0, medium: 1, low: 2 };

export function Lanes(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const at = host.current!;
    const fit = new ResizeObserver(() => setWidth(at.clientWidth - LEFT - RIGHT));
    fit.observe(at);
    return () => fit.disconnect();
  }, []);
  return (
    <div ref={host} class="lanes" style={{ paddingLeft: `${LEFT}px`, paddingRight: `${RIGHT}px` }}>
      {width > 0 && props.lanes.map((lane) => <OneLane key={lane.name} lane={lane} from={props.from} to={props.to} width={width} />)}
    </div>
  );
}

function OneLane({ lane, from, to, width }: { lane: Lane; from: number; to: number; width: number }) {
  const seen = lane.of.filter((s) => s.to > from && s.from < to);
  const px = (at: number) => (width * (Math.min(to, Math.max(from, at)) - from)) / (to - from);
  const extents = seen.map((s) => {
    const left = Math.min(px(s.from), width - NARROWEST);
    return { left, right: Math.max(px(s.to), left + NARROWEST), text: s.title, rank: RANK[s.kind] ?? 0 };
  });
  const places = placed(extents, width, lane.rows ?? 1);
  const rows = 1 + Math.max(0, ...places.map((p) => p.row));
  return (
    <div class="lane" data-lane={lane.name}>
      <span class="lane-name">{lane.name}</span>
      <div class="lane-track" style={{ height: `${ROW * rows}px` }}>
        {seen.map((s, i) => (
          <Bar key={`${s.from} ${s.kind} ${s.title}`} of={s} left={extents[i]!.left} right={extents[i]!.right} at={places[i]!} />
        ))}
      </div>
    </div>
  );
}

function Bar({ of, left, right, at }: { of: Stretch; left: number; right: number; at: Placed }) {
  return (
    <span
      class={`stretch stretch-${of.kind} words-${at.words}`}
      title={of.to - of.from > 1 ? `${of.title}: ${moment(of.from)} – ${moment(of.to)}` : `${moment(of.from)} ${of.title}`}
      style={{ top: `${ROW * at.row + 1}px`, left: `${left}px`, width: `${right - left}px` }}
    >
      {at.words !== "none" && <i style={{ maxWidth: `${at.room}px` }}>{of.title}</i>}
    </span>
  );
}
