// This browser's own choices: appearance, language, units; and what the keys do.

import { effect, signal } from "@preact/signals";
import { language, languages, t, word } from "../texts";
import { choices, choose, chosen, siteUnit } from "../units";
import { SecondFactor } from "./secondfactor";

const KEPT = "vigil.theme";
const theme = signal(localStorage.getItem(KEPT) ?? "auto");

effect(() => {
  localStorage.setItem(KEPT, theme.value);
  if (theme.value === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
});

export function Settings() {
  return (
    <section class="settings" aria-label={t("nav.settings")}>
      <label>
        {t("set.theme")}
        <select value={theme.value} onChange={(e) => (theme.value = e.currentTarget.value)}>
          <option value="auto">{t("set.theme.auto")}</option>
          <option value="light">{t("set.theme.light")}</option>
          <option value="dark">{t("set.theme.dark")}</option>
        </select>
      </label>
      <label>
        {t("set.language")}
        <select value={language.value} onChange={(e) => (language.value = e.currentTarget.value)}>
          {languages.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {choices().map(([family, units]) => (
        <label key={family}>
          {word("family", family)}
          <select value={chosen.value[family] ?? ""} onChange={(e) => choose(family, e.currentTarget.value)}>
            <option value="">{t("set.units.site", { unit: siteUnit(family) })}</option>
            {units.map((unit) => (
              <option key={unit} value={unit}>
                {unit}
              </option>
            ))}
          </select>
        </label>
      ))}
      <SecondFactor />
      <p class="keys">
        <b>{t("set.keys")}:</b> {t("set.keys.text")}
      </p>
    </section>
  );
}
