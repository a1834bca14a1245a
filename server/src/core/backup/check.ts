import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../../lib/refusal.ts';

/** One thing that was looked at in a restored database. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const TRIES = 5;
const PAUSE_MS = 1000;

/**
 * What throws has failed, and says why: the other checks go on. That a database which has just been filled does not answer
 * in time says nothing about the backup: then it is looked at again.
 */
export async function check(name: string, look: () => Promise<string>): Promise<Check> {
  for (let tries = 1; ; tries++) {
    try {
      return { name, ok: true, detail: await look() };
    } catch (error) {
      const isUnavailable = error instanceof Refusal && error.code === 'unavailable';
      if (!isUnavailable || tries === TRIES)
        return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
    }
    await sleep(PAUSE_MS);
  }
}
