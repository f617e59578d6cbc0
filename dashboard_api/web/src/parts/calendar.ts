// The shifts of a rota out of its iCalendar (RFC 5545), as the server writes it: one event a shift, times in UTC.

export interface Shift {
  from: number;
  to: number;
  people: string;
}

const AT = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

export function shifts(text: string): Shift[] {
  const found: Shift[] = [];
  let now: Record<string, string> = {};
  for (const line of text.replace(/\r?\n[ \t]/g, "").split(/\r?\n/)) {
    const cut = line.indexOf(":");
    const [name, value] = [line.slice(0, cut).split(";")[0] ?? "", line.slice(cut + 1)];
    if (name === "BEGIN" && value === "VEVENT") now = {};
    else if (name === "END" && value === "VEVENT") found.push({ from: at(now["DTSTART"]), to: at(now["DTEND"]), people: people(now["SUMMARY"]) });
    else now[name] = value;
  }
  return found.filter((s) => !Number.isNaN(s.from) && !Number.isNaN(s.to)).sort((a, b) => a.from - b.from);
}

function at(text = ""): number {
  return Date.parse(text.replace(AT, "$1-$2-$3T$4:$5:$6Z"));
}

// "On call: a\, b (rota)" -> "a, b"
function people(summary = ""): string {
  return summary
    .replace(/^On call: /, "")
    .replace(/ \([^()]*\)$/, "")
    .replace(/\\([,;\\])/g, "$1");
}
