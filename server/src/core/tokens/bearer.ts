import { setTimeout as sleep } from 'node:timers/promises';
import { fromBase64url } from '../../lib/bytes.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Changes } from '../changes/index.ts';
import type { Keys } from '../keys/index.ts';

interface Deps<Claims> {
  keys: Pick<Keys, 'managed' | 'verifiers' | 'reload'>;
  tokens: { verify(token: string): Claims };
  changes: Pick<Changes, 'isCurrent' | 'refresh'>;
}

/**
 * Verifies access tokens with the keys of now. While the change feed is silent nobody can say whether a key has been
 * revoked, so the keys are read again; and a token may be signed by a key that another process made a moment ago and
 * this one has not read yet.
 */
export function createBearer<Claims>({ keys, tokens, changes }: Deps<Claims>): {
  verify(token: string): Claims | Promise<Claims>;
} {
  let reading: Promise<void> | undefined;
  // Whoever sends invented tokens causes twenty readings a second at most.
  const readChanges = (): Promise<void> => {
    reading ??= sleep(50).then(() => {
      reading = undefined;
      return changes.refresh();
    });
    return reading;
  };
  const isKnown = (kid: string): boolean => keys.verifiers().some((key) => key.kid === kid);

  return {
    verify(token) {
      if (!keys.managed) return tokens.verify(token);
      if (!changes.isCurrent()) return keys.reload().then(() => tokens.verify(token));
      try {
        return tokens.verify(token);
      } catch (error) {
        const kid = error instanceof Refusal && error.code === 'unauthenticated' ? kidOf(token) : null;
        if (kid === null || isKnown(kid)) throw error;
        return readChanges().then(() => tokens.verify(token));
      }
    },
  };
}

const KID = /^[A-Za-z0-9_-]{43}$/;

function kidOf(token: string): string | null {
  try {
    const header: unknown = JSON.parse(fromBase64url(token.split('.', 1)[0] as string)?.toString('utf8') ?? '');
    const { kid } = header as { kid?: unknown };
    return typeof kid === 'string' && KID.test(kid) ? kid : null;
  } catch {
    return null;
  }
}
