// One clock for all that tells an age: a signal of the server's time, once a second.

import { signal } from "@preact/signals";
import { serverNow } from "./clock";

export const now = signal(serverNow());
window.setInterval(() => (now.value = serverNow()), 1000);
