// A list that is put in another order moves its elements, and an element that is moved loses the keyboard's place: it is given back at once.

import { useLayoutEffect } from "preact/hooks";

export function useKeptFocus(): void {
  const held = document.activeElement;
  useLayoutEffect(() => {
    if (held instanceof HTMLElement && held.isConnected && document.activeElement === document.body) held.focus({ preventScroll: true });
  });
}
