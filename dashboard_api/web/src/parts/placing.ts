// Where each stretch of a lane and its words go, so that no words lie over others. Pure.
//
// In: stretches in px from the lane's left edge, and the lane's width. Out: a row for each, and the side of its words. What matters most is
// placed first. Words give way to a stretch that has no other row; words that find no room anywhere are left out (the stretch keeps its
// tooltip). Only more stretches at one time than there are rows lie over one another, and those without words.

export interface Extent {
  left: number;
  right: number;
  text: string;
  rank: number;
}

export interface Placed {
  row: number;
  words: "inside" | "right" | "left" | "none";
  room: number;
}

type Side = Exclude<Placed["words"], "none">;
type Span = [number, number];

interface Lying {
  of: number;
  rank: number;
  bar: Span;
  whole: Span;
}

const LETTER = 6.2;
const MARGIN = 10;
const LONGEST = 170;
const READABLE = 64;

// `rows`: at most so many under one another.
export function placed(of: Extent[], width: number, rows: number): Placed[] {
  const lying: Lying[][] = Array.from({ length: rows }, (): Lying[] => []);
  const found: Placed[] = of.map(() => ({ row: rows - 1, words: "none", room: 0 }));
  const order = of.map((_, i) => i).sort((a, b) => of[a]!.rank - of[b]!.rank || of[a]!.left - of[b]!.left);
  for (const i of order) {
    const one = of[i]!;
    const bar: Span = [one.left, one.right];
    const side = sideOf(one, width);
    const whole = spanOf(one, side, width);
    const roomy = lying.findIndex((row) => row.every((other) => apart(other.whole, whole)));
    const row = roomy >= 0 ? roomy : besides(lying, bar, found);
    const worded = lying[row]!.every((other) => apart(other.whole, whole));
    found[i] = worded ? { row, words: side, room: side === "inside" ? one.right - one.left : wanted(one, width) } : { row, words: "none", room: 0 };
    lying[row]!.push({ of: i, rank: one.rank, bar, whole: worded ? whole : bar });
  }
  return found;
}

// The row in which no other stretch is at that time; words that reach there are taken away, where it costs those that matter least.
function besides(lying: Lying[][], bar: Span, found: Placed[]): number {
  const clear = lying.findIndex((row) => row.every((other) => apart(other.whole, bar)));
  if (clear >= 0) return clear;
  const lost = (row: Lying[]) => (row.some((other) => !apart(other.bar, bar)) ? -1 : Math.min(...row.filter((other) => !apart(other.whole, bar)).map((other) => other.rank)));
  const costs = lying.map(lost);
  const least = Math.max(...costs);
  const row = least < 0 ? lying.length - 1 : costs.indexOf(least);
  for (const other of lying[row]!.filter((one) => !apart(one.whole, bar))) {
    other.whole = other.bar;
    found[other.of] = { row, words: "none", room: 0 };
  }
  return row;
}

function wanted(one: Extent, width: number): number {
  return Math.min(one.text.length * LETTER + MARGIN, LONGEST, width * 0.45);
}

function sideOf(one: Extent, width: number): Side {
  const words = wanted(one, width);
  if (one.right - one.left >= Math.min(words, READABLE)) return "inside";
  if (one.right + words <= width) return "right";
  return one.left >= words ? "left" : "inside";
}

function spanOf(one: Extent, side: Side, width: number): Span {
  const words = side === "inside" ? 0 : wanted(one, width);
  return side === "left" ? [one.left - words, one.right] : [one.left, one.right + words];
}

const apart = ([a, b]: Span, [left, right]: Span): boolean => right <= a || left >= b;
