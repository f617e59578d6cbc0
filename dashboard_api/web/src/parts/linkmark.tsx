// A patient's devices in two small marks: connected or not, and the weakest battery.

import { t } from "../texts";
import type { Link } from "../types";
import { Battery, Plug } from "./icons";

export function LinkMark({ link }: { link: Link | null }) {
  if (!link) return <span class="link none">{t("link.none")}</span>;
  const percent = link.battery === null ? null : Math.round(link.battery * 100);
  return (
    <span class={`link ${link.state}`} title={link.buffered ? t("link.buffered", { n: link.buffered }) : undefined}>
      {link.state === "offline" && <span class="link-word">{t("link.offline")}</span>}
      <Plug on={link.state === "online"} label={t(`link.${link.state}`)} />
      {percent !== null && (
        <>
          <Battery level={link.battery ?? 0} label={t("link.battery", { n: percent })} />
          {percent < 20 && <span class="link-word">{percent} %</span>}
        </>
      )}
    </span>
  );
}
