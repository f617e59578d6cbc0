// Drawing by turns: what every tile draws anew once a second is spread over the whole second, a few at a time, so that no frame waits for all.

const ROUND_MS = 1000;
const SLICES = 10;

const drawings: (() => void)[] = [];
let next = 0;
let timer: number | undefined;

// Draws within a round, and once a round from then on; returns how to stop.
export function byTurns(draw: () => void): () => void {
  drawings.push(draw);
  timer ??= window.setInterval(slice, ROUND_MS / SLICES);
  return () => {
    const at = drawings.indexOf(draw);
    if (at >= 0) drawings.splice(at, 1);
    if (drawings.length > 0) return;
    window.clearInterval(timer);
    timer = undefined;
  };
}

function slice(): void {
  for (let left = Math.ceil(drawings.length / SLICES); left > 0; left--) {
    next = (next + 1) % drawings.length;
    drawings[next]!();
  }
}
