import { readdir, readFile } from 'node:fs/promises';
import { setPriority } from 'node:os';

/** Weights of the scheduler: about a tenth of what a thread of 0 gets where both want the same core. */
const NICE = 10;

/**
 * Lets the threads of libuv's pool, which hash passwords, stand back behind the one that answers requests: a flood of
 * sign-ins may take every core that is free, and a refresh beside it does not wait for a hash to be done. On Linux only,
 * where each thread has a priority of its own; elsewhere nothing changes. Needs no privilege.
 */
export async function lowerPoolPriority(): Promise<void> {
  if (process.platform !== 'linux') return;
  const tasks = '/proc/self/task';
  // The first asynchronous look at a file makes the pool, so its threads are there to be found.
  for (const id of await readdir(tasks)) {
    const name = await readFile(`${tasks}/${id}/comm`, 'utf8').catch(() => '');
    if (name.trim() === 'libuv-worker') setPriority(Number(id), NICE);
  }
}
