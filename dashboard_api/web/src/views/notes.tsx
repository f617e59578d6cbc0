// Notes on a patient: what was written by whom, newest first; what was wrong stays, struck out, with who said so and why.

import { useState } from "preact/hooks";
import { fields, reset } from "../parts/form";
import { Pending, worded, type Loaded } from "../parts/load";
import { call, may } from "../session";
import { moment, t, word } from "../texts";
import type { Note, Page } from "../types";

const LONGEST = 4000;
const FIRST = 5;

interface Props {
  patient: string;
  loaded: Loaded<Page<Note>>;
}

export function Notes({ patient, loaded }: Props) {
  const [all, setAll] = useState(false);
  const [said, setSaid] = useState("");
  const write = async (body: Record<string, string | undefined>) => {
    try {
      await call("POST", `/patients/${patient}/notes`, body);
      setSaid(t("notes.added"));
      loaded.again();
      return true;
    } catch (problem) {
      setSaid(t("act.failed", { why: worded(problem) }));
      return false;
    }
  };
  return (
    <section class="card notes" aria-labelledby="notes">
      <h2 id="notes">{t("notes.title")}</h2>
      {may("notes.write") && <NewNote write={write} />}
      <p role="status">{said}</p>
      <Pending of={loaded}>
        {(page) => {
          const own = page.items.filter((note) => !note.strikes);
          return (
            <>
              {own.length === 0 && <p class="muted">{t("notes.none")}</p>}
              <ol>
                {(all ? own : own.slice(0, FIRST)).map((note) => (
                  <OneNote key={note.id} note={note} write={write} />
                ))}
              </ol>
              {!all && own.length > FIRST && <button onClick={() => setAll(true)}>{t("alert.more", { n: own.length - FIRST })}</button>}
            </>
          );
        }}
      </Pending>
    </section>
  );
}

type Write = (body: Record<string, string | undefined>) => Promise<boolean>;

// What was typed stays until the server has it.
function NewNote({ write }: { write: Write }) {
  const [busy, setBusy] = useState(false);
  const send = async (event: SubmitEvent) => {
    const form = event.currentTarget;
    const { text } = fields(event);
    if (!text || busy) return;
    setBusy(true);
    if (await write({ text })) reset(form);
    setBusy(false);
  };
  return (
    <form onSubmit={(event) => void send(event)}>
      <textarea name="text" required maxLength={LONGEST} rows={3} aria-label={t("notes.new")} placeholder={t("notes.new")} onKeyDown={sendByKey} />
      <button class="primary" disabled={busy}>
        {t("notes.add")}
      </button>
    </form>
  );
}

function sendByKey(event: KeyboardEvent): void {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) (event.currentTarget as HTMLTextAreaElement).form?.requestSubmit();
}

function OneNote({ note, write }: { note: Note; write: Write }) {
  const [striking, setStriking] = useState(false);
  const strike = async (event: SubmitEvent) => {
    const { why } = fields(event);
    if (why && (await write({ text: why, strikes: note.id }))) setStriking(false);
  };
  const text = note.text ?? t("notes.erased");
  return (
    <li data-note={note.id}>
      <small>
        {note.author} ({word("role", note.role)}), <time dateTime={note.at}>{moment(note.at)}</time>
      </small>
      <p class="original">{note.struck ? <s>{text}</s> : text}</p>
      {note.struck && <small>{t("notes.struck", { who: note.struck.by, at: moment(note.struck.at), why: note.struck.reason ?? t("notes.erased") })}</small>}
      {may("notes.write") && !note.struck && note.text !== null && !striking && (
        <button class="plain" onClick={() => setStriking(true)}>
          {t("notes.strike")}
        </button>
      )}
      {striking && !note.struck && (
        <form class="inline" onSubmit={(event) => void strike(event)} onKeyDown={(event) => event.key === "Escape" && setStriking(false)}>
          <input name="why" required maxLength={LONGEST} aria-label={t("notes.why")} placeholder={t("notes.why")} ref={(at) => at?.focus()} />
          <button>{t("notes.strike")}</button>
        </form>
      )}
    </li>
  );
}
