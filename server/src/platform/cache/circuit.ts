/**
 * Keeps a cache that has stopped answering from costing every request its time limit: the first that waits in vain opens
 * the circuit, the following ones do not ask at all, and a probe in the background closes it again.
 */
export interface Circuit {
  isOpen(): boolean;
  /** The answer of `work`, or `null` if it failed, came too late, or was not asked. */
  run<T>(work: () => Promise<T>): Promise<T | null>;
  open(): void;
  close(): void;
  latencyMs(): number | undefined;
}

const PATIENCE_MS = 100;

export function circuitBreaker(options: { onOpen(): void; onFailure(error: unknown): void }): Circuit {
  let isOpen = true;
  let latency: number | undefined;
  const open = () => {
    if (isOpen) return;
    isOpen = true;
    options.onOpen();
  };
  return {
    isOpen: () => isOpen,
    async run(work) {
      if (isOpen) return null;
      const start = performance.now();
      try {
        const answer = await inTime(work());
        if (answer === LATE) {
          open();
          return null;
        }
        latency = performance.now() - start;
        return answer;
      } catch (error) {
        options.onFailure(error);
        return null;
      }
    },
    open,
    close() {
      isOpen = false;
    },
    latencyMs: () => latency,
  };
}

export const LATE = Symbol('late');

/** The answer, or `LATE` after the time limit. */
export function inTime<T>(answer: Promise<T>): Promise<T | typeof LATE> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // When this process itself was busy, the answer may be waiting unread: it is looked for before it is given up.
      setImmediate(() => resolve(LATE));
    }, PATIENCE_MS);
    answer.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
