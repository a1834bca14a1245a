import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname } from 'node:path';
import { onOrphaned } from './follow.mjs';

const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'];
/** The server stops within 10 s of a SIGTERM; one that has not by now never will. */
const PATIENCE = 15_000;

/** Runs `node` to its end and gives its exit code, 128 + n where signal n ended it. */
export function runNode(node, args, { cwd } = {}) {
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
  const child = spawn(node, args, { cwd, env, stdio: 'inherit' });
  const handlers = PASSED_ON.filter((signal) => signal in constants.signals && process.platform !== 'win32').map(
    (signal) => {
      const pass = () => {
        if (!comesFromTerminal(signal)) child.kill(signal);
      };
      process.on(signal, pass);
      return [signal, pass];
    },
  );
  // A signal to npm ends npm and its shell, but nobody tells us: without this the server would keep its port for ever.
  if (process.env.npm_execpath) onOrphaned(() => stop(child), { behindShell: true });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      for (const [name, pass] of handlers) process.off(name, pass);
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

/** Ctrl-C reaches every process of the terminal's foreground group: passed on as well, it would count as the second one. */
function comesFromTerminal(signal) {
  return signal === 'SIGINT' && Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
}

function stop(child) {
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), PATIENCE).unref();
}
