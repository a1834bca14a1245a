import { Refusal } from '../../lib/refusal.ts';

/** Somebody else's server does not answer as a server should: counted by the circuit, and worth another try later. */
export class ProviderAway extends Error {
  override readonly name = 'ProviderAway';
}

/** Its answer proves nothing. The reason goes to the log, and is never a text that the provider wrote. */
export function invalidAnswer(reason: string): Refusal {
  return new Refusal('provider_answer_invalid', { cause: new Error(reason) });
}

/** The refusal for what went wrong in a conversation with a provider; `ProviderAway` stays what it is. */
export function refusalOf(error: unknown): unknown {
  const away = awayIn(error);
  if (away !== null) return away;
  if (error instanceof Refusal || !(error instanceof Error)) return error;
  const { code, error: word } = error as { code?: unknown; error?: unknown };
  // A body that says `invalid_grant` or the like; other words of theirs stay with them.
  const said = typeof word === 'string' && /^[a-z_]{1,40}$/.test(word) ? ` (${word})` : '';
  return invalidAnswer(`${String(code ?? error.name)}: ${error.message}${said}`.slice(0, 200));
}

// The library wraps what our fetch throws.
function awayIn(error: unknown): ProviderAway | null {
  for (let one = error, depth = 0; one instanceof Error && depth < 5; one = one.cause, depth++) {
    if (one instanceof ProviderAway) return one;
  }
  return null;
}
