/**
 * A small JSON call to a secret store. Redirects are refused, since they would carry the credentials elsewhere, and
 * errors name the store and the status only.
 */
export async function getJson(
  store: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, { headers, signal, redirect: 'error' });
  } catch (error) {
    throw new Error(`${store} cannot be reached (${codeOf(error)})`);
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`${store} answered ${response.status}${hintOf(response.status)}`);
  }
  try {
    return await response.json();
  } catch {
    throw new Error(`${store} did not answer with JSON`);
  }
}

function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (typeof code === 'string') return code;
  return error instanceof Error && error.name === 'AbortError' ? 'timed out' : 'no connection, or a redirect';
}

function hintOf(status: number): string {
  if (status === 401 || status === 403) return ': this server may not read the secret';
  return status === 404 ? ': there is no such secret' : '';
}

/** The text at `keys` of an answer, or an error that does not repeat any of it. */
export function textAt(store: string, value: unknown, ...keys: readonly string[]): string {
  let current = value;
  for (const key of keys) {
    const isObject = typeof current === 'object' && current !== null && Object.hasOwn(current, key);
    current = isObject ? (current as Record<string, unknown>)[key] : undefined;
  }
  if (typeof current === 'string') return current;
  if (typeof current === 'number') return String(current);
  throw new Error(`${store} has no text under ${JSON.stringify(keys.at(-1) ?? '')}`);
}
