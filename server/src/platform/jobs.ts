import type { Clock } from './clock.ts';
import type { Db } from './db/index.ts';
import { leaseJob } from './db/leases.ts';
import type { Logger } from './log.ts';

interface Job {
  readonly name: string;
  readonly everySeconds: number;
  run(): Promise<void>;
}

// Asked far more often than a job is due: a process that lives for less than a turn would otherwise never have one.
const ASK_EVERY_SECONDS = 60;

/**
 * Work that comes back. Whose turn it is, PostgreSQL says: one conditional update per turn, so that of many processes
 * one does it, and a paused one finds its turn taken.
 */
export function createJobs(
  deps: { db: Db; clock: Clock; log: Pick<Logger, 'warn'> },
  jobs: readonly Job[],
): { start(): void; stop(): Promise<void> } {
  const timers: NodeJS.Timeout[] = [];
  const running = new Map<string, Promise<void>>();
  const attempt = async (job: Job): Promise<void> => {
    try {
      if (await leaseJob(deps.db, job.name, job.everySeconds, new Date(deps.clock.now()))) await job.run();
    } catch (error) {
      deps.log.warn({ err: error, job: job.name }, 'a recurring job failed; it comes back');
    }
  };
  const launch = (job: Job): void => {
    if (running.has(job.name)) return;
    running.set(
      job.name,
      attempt(job).finally(() => running.delete(job.name)),
    );
  };
  return {
    start() {
      for (const job of jobs) {
        const every = Math.min(job.everySeconds, ASK_EVERY_SECONDS) * 1000;
        timers.push(setInterval(() => launch(job), every).unref());
      }
    },
    async stop() {
      timers.splice(0).forEach(clearInterval);
      await Promise.all(running.values());
    },
  };
}
