// Where the page is: the address bar is the only state of navigation.

import { signal } from "@preact/signals";

export const path = signal(location.pathname);

export function go(to: string): void {
  if (to !== location.pathname) history.pushState(null, "", to);
  path.value = to;
  window.scrollTo(0, 0);
}

window.addEventListener("popstate", () => (path.value = location.pathname));

// For links: lets the browser keep what a modified click means.
export function follow(event: MouseEvent): void {
  const link = event.currentTarget as HTMLAnchorElement;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(link.pathname);
}
