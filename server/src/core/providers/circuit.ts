import { Refusal } from '../../lib/refusal.ts';
import type { Clock } from '../../platform/clock.ts';
import { ProviderAway } from './failure.ts';

/**
 * Keeps a provider that is away from costing every sign-in its time limit: after a few failures in a row nobody is sent
 * there, and after a pause one sign-in tries for all. What a stranger can cause (a code that is refused, an answer that
 * proves nothing) is no failure.
 */
export interface Circuit {
  /** Throws `provider_unavailable` at once while it is open. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

const FAILURES = 5;
const PAUSE_MS = 30_000;

export function createCircuit(clock: Clock, onOpen: (error: Error) => void): Circuit {
  let failures = 0;
  let openUntil = 0;
  let isTrying = false;
  const unavailable = (cause?: Error): Refusal =>
    new Refusal('provider_unavailable', {
      retryAfter: Math.max(1, Math.ceil((openUntil - clock.now()) / 1000)),
      ...(cause === undefined ? {} : { cause }),
    });
  return {
    async run(work) {
      const isOpen = failures >= FAILURES;
      if (isOpen && (isTrying || clock.now() < openUntil)) throw unavailable();
      isTrying = isOpen;
      try {
        const result = await work();
        failures = 0;
        return result;
      } catch (error) {
        if (!(error instanceof ProviderAway)) {
          failures = 0; // it did answer
          throw error;
        }
        failures += 1;
        if (failures >= FAILURES) {
          openUntil = clock.now() + PAUSE_MS;
          onOpen(error);
        }
        throw unavailable(error);
      } finally {
        if (isOpen) isTrying = false;
      }
    },
  };
}
