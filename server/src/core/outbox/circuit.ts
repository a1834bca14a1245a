import type { Clock } from '../../platform/clock.ts';
import { MailFailure } from '../../platform/mail/mail.ts';

/**
 * Knows whether the mail server is to be spoken to at all. While it is away, no mail's attempts are used up: `check`
 * alone asks, after 1 s, 2 s, … 15 s, and the first good answer lets everything flow again.
 */
export interface Circuit {
  isClosed(): boolean;
  /** True where mails may go; asks, where it is open and the time has come. */
  admits(): Promise<boolean>;
  /** After a failure that may be the server's or the mail's: asks which, and opens where it is the server's. */
  serverIsAway(): Promise<boolean>;
}

const LONGEST_PAUSE_MS = 15_000;
const PATIENCE_MS = 15_000;

export function createCircuit(
  check: () => Promise<void>,
  clock: Clock,
  report: (state: 'open' | 'closed', error?: unknown) => void,
  patienceMs = PATIENCE_MS,
): Circuit {
  let failures = 0;
  let askAgainAt = 0;
  let asking: Promise<boolean> | null = null;

  const ask = (): Promise<boolean> => {
    asking ??= inTime(check(), patienceMs)
      .then(
        () => {
          if (failures > 0) report('closed');
          failures = 0;
          return true;
        },
        (error: unknown) => {
          if (failures === 0) report('open', error);
          askAgainAt = clock.now() + Math.min(1000 * 2 ** failures, LONGEST_PAUSE_MS);
          failures += 1;
          return false;
        },
      )
      .finally(() => {
        asking = null;
      });
    return asking;
  };

  return {
    isClosed: () => failures === 0,
    admits: async () => failures === 0 || (clock.now() >= askAgainAt && (await ask())),
    serverIsAway: async () => failures > 0 || !(await ask()),
  };
}

/** A server that takes connections and then says nothing is as good as none. */
async function inTime(answer: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new MailFailure('unreachable', 'ETIMEDOUT CHECK')), ms);
  });
  await Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
