// A submitted form as texts; what is empty is left out.

export function fields(event: SubmitEvent): Record<string, string> {
  event.preventDefault();
  const given = [...new FormData(event.currentTarget as HTMLFormElement).entries()];
  return Object.fromEntries(given.flatMap(([name, value]) => (typeof value === "string" && value.trim() ? [[name, value.trim()]] : [])));
}

export const reset = (form: EventTarget | null): void => {
  if (form instanceof HTMLFormElement) form.reset();
};
