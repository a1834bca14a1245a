import { createWriteStream } from 'node:fs';
import { access, constants, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { getHeapSnapshot } from 'node:v8';
import { type Clock, systemClock } from './clock.ts';
import type { Logger } from './log.ts';

let isWriting = false;

/**
 * For SIGUSR2: everything in memory, keys and tokens included, into a file that only its owner can read. Taking it stops
 * the process for about a second per 100 MB, and takes as much memory again: never two at once.
 * Returns the path, or `null` where none was written.
 */
export async function writeHeapSnapshot(
  dir: string,
  log: Pick<Logger, 'warn' | 'error'>,
  clock: Clock = systemClock,
): Promise<string | null> {
  if (isWriting) {
    log.warn('a heap snapshot is being written already');
    return null;
  }
  isWriting = true;
  let path: string | null = null;
  try {
    const name = `heap-${new Date(clock.now()).toISOString().replaceAll(/[:.]/g, '-')}-${process.pid}.heapsnapshot`;
    path = join(await writable(dir), name);
    // `wx`: never through a link or into a file that somebody has put there.
    await pipeline(getHeapSnapshot(), createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    log.warn({ path }, 'a heap snapshot was written; it holds secrets: delete it after use');
    return path;
  } catch (error) {
    log.error({ path, err: error }, 'the heap snapshot could not be written');
    if (path !== null && (error as { code?: string }).code !== 'EEXIST') await rm(path, { force: true });
    return null;
  } finally {
    isWriting = false;
  }
}

async function writable(dir: string): Promise<string> {
  return access(dir, constants.W_OK).then(
    () => dir,
    () => tmpdir(),
  );
}
