import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { problem, STATUS } from './problem.mjs';
import { say } from './progress.mjs';

const LONGEST_WAIT = 10 * 60_000;
/** A lock without a holder's id is one being written just now, or the remains of a crash. */
const UNSIGNED_FOR = 5_000;

/**
 * Two starts in one folder: one installs, the other waits and then finds everything done. The lock names the process
 * that holds it, so that one left behind by a killed process is seen and taken over.
 */
export async function withInstallLock(root, work) {
  const path = join(root, 'runtime', '.installing');
  await acquire(path);
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

async function acquire(path) {
  const started = Date.now();
  let isWaiting = false;
  while (!create(path)) {
    const holder = liveHolder(path);
    if (holder === null) {
      rmSync(path, { force: true });
      continue;
    }
    if (!isWaiting) say(`auth-api: another start (process ${holder}) is installing in this folder; waiting for it`);
    isWaiting = true;
    if (Date.now() - started > LONGEST_WAIT) {
      throw problem(
        STATUS.busy,
        `Process ${holder} has been installing for ten minutes.`,
        `Stop it, or delete ${path}.`,
      );
    }
    await sleep(300);
  }
  await sleep(20);
  // Two that found the same dead lock may both have replaced it: the later one holds it.
  if (read(path) !== String(process.pid)) await acquire(path);
}

function create(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw problem(
      STATUS.cannotWrite,
      `The folder of the project cannot be written to (${error.code}).`,
      'Run this as the user that owns the folder.',
    );
  }
}

function liveHolder(path) {
  const holder = read(path);
  if (holder === '') return ageOf(path) < UNSIGNED_FOR ? 'unknown' : null;
  try {
    process.kill(Number(holder), 0);
    return holder;
  } catch (error) {
    return error.code === 'EPERM' ? holder : null;
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function ageOf(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
