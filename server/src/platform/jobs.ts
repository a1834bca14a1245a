import type { Clock } from './clock.ts';
import type { Db } from './db/index.ts';
import { leaseJob } from './db/leases.ts';
import type { Logger } from './log.ts';

interface Job {
  readonly name: string;
  readonly everySeconds: number;
  run(): Promise<void>;
}

/**
 * Work that comes back. Whose turn it is, PostgreSQL says: one conditional update per turn, so that of many processes
 * one does it, and a paused one finds its turn taken.
 */
export function createJobs(
  deps: { db: Db; clock: Clock; log: Logger },
  jobs: readonly Job[],
): { start(): void; stop(): Promise<void> } {
  const timers: NodeJS.Timeout[] = [];
  const running = new Set<Promise<void>>();
  const attempt = async (job: Job): Promise<void> => {
    try {
      if (await leaseJob(deps.db, job.name, job.everySeconds, new Date(deps.clock.now()))) await job.run();
    } catch (error) {
      deps.log.warn({ err: error, job: job.name }, 'a recurring job failed; it comes back');
    }
  };
  const launch = (job: Job): void => {
    const work = attempt(job).finally(() => running.delete(work));
    running.add(work);
  };
  return {
    start() {
      for (const job of jobs) {
        timers.push(setInterval(() => launch(job), job.everySeconds * 1000).unref());
      }
    },
    async stop() {
      timers.forEach(clearInterval);
      await Promise.all(running);
    },
  };
}
