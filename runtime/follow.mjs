import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const EVERY = 500;

/**
 * Calls `then` once when the process that started this one is gone: on POSIX an orphan gets another parent. npm runs us
 * through a shell, which outlives an npm killed with SIGKILL; so where the parent is a shell and `behindShell` is set,
 * the shell's own parent is watched too (on Linux, where /proc tells it).
 */
export function onOrphaned(then, { behindShell = false } = {}) {
  if (process.platform === 'win32') return;
  const parent = process.ppid;
  const grandparent = behindShell && /^(ba|da|a)?sh$/.test(nameOf(parent)) ? parentOf(parent) : null;
  const timer = setInterval(() => {
    if (process.ppid === parent && (grandparent === null || parentOf(parent) === grandparent)) return;
    clearInterval(timer);
    then();
  }, EVERY);
  timer.unref();
}

function parentOf(pid) {
  // The second field, the name, is in brackets and may itself hold spaces and brackets.
  const stat = read(`/proc/${pid}/stat`);
  return stat === null ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function nameOf(pid) {
  return read(`/proc/${pid}/comm`)?.trim() ?? '';
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

// Loaded with --import, it makes a process stop, as if told to, when the one that started it is gone.
if (isMainThread && process.execArgv.some((argument) => argument.endsWith('/runtime/follow.mjs'))) {
  onOrphaned(() => process.kill(process.pid, 'SIGTERM'));
}
