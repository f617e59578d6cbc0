// A list from the server as a table: pages by cursor, says when it is empty.

import { useState } from "preact/hooks";
import { call } from "../session";
import { t } from "../texts";
import type { Page } from "../types";
import { Pending, useLoad } from "./load";

export interface Column<T> {
  head: string;
  cell: (row: T) => preact.ComponentChildren;
}

interface Props<T> {
  path: string;
  keyOf: (row: T) => string | number;
  columns: Column<T>[];
  none: string;
  label: string;
  everyS?: number;
  fresh?: unknown;
}

export function Table<T>({ path, keyOf, columns, none, label, everyS, fresh }: Props<T>) {
  const first = useLoad<Page<T>>(path, everyS, fresh);
  return (
    <Pending of={first}>
      {(page) => (page.items.length === 0 ? <p class="empty">{none}</p> : <Rows key={`${path} ${String(fresh)}`} path={path} keyOf={keyOf} first={page} columns={columns} label={label} />)}
    </Pending>
  );
}

interface RowsProps<T> extends Pick<Props<T>, "path" | "keyOf" | "columns" | "label"> {
  first: Page<T>;
}

// `keyOf`: what a half-done row (an armed button, an open list) stays with when the list is loaded anew and shifts.
function Rows<T>({ path, keyOf, first, columns, label }: RowsProps<T>) {
  const [more, setMore] = useState<Page<T> | null>(null);
  const rows = [...first.items, ...(more?.items ?? [])];
  const next = more ? more.next : first.next;
  const load = async () => {
    const joint = path.includes("?") ? "&" : "?";
    const page = await call<Page<T>>("GET", `${path}${joint}cursor=${encodeURIComponent(next!)}`);
    setMore({ items: [...(more?.items ?? []), ...page.items], next: page.next });
  };
  return (
    <>
      <div class="tablebox" tabIndex={0} role="region" aria-label={label}>
        <table class="rows stacks">
          <thead>
            <tr>
              {columns.map((c) => (
                <th key={c.head} scope="col">
                  {c.head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={keyOf(row)}>
                {columns.map((c) => (
                  <td key={c.head} data-head={c.head}>
                    {c.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {next && <button onClick={() => void load()}>{t("common.more")}</button>}
    </>
  );
}
