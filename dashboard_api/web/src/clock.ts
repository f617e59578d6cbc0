// The server's clock: ages are told by it, whatever this machine's clock says.

let offset = 0;

export const serverNow = (): number => Date.now() + offset;

export function setServerTime(server: number, here: number): void {
  offset = server - here;
}
