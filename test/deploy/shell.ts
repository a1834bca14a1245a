import { spawn } from 'node:child_process';
import type { Done, ShOptions } from './row.ts';

/** The child leads a group of its own, so that what it has started ends with it. */
export function shell(command: string, options: ShOptions & { signal?: AbortSignal } = {}): Promise<Done> {
  const { cwd, env, ok = true, stdin = '', seconds = 60, signal } = options;
  const child = spawn('bash', ['--norc', '-euo', 'pipefail', '-c', command], {
    cwd,
    env: { ...process.env, DOCKER_BUILDKIT: '1', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  child.stdin.on('error', () => undefined).end(stdin);
  const end = (): void => void (child.pid && process.kill(-child.pid, 'SIGKILL'));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, seconds * 1000);
  signal?.addEventListener('abort', end, { once: true });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      const status = code ?? 137;
      if (isLate) fail(new Error(`took longer than ${seconds} s: ${told(command, output)}`));
      else if (ok && status !== 0) fail(new Error(`exit ${status}: ${told(command, output)}`));
      else done({ status, ...output });
    });
  });
}

function told(command: string, { stdout, stderr }: { stdout: string; stderr: string }): string {
  const tail = (text: string): string => text.trimEnd().split('\n').slice(-25).join('\n');
  return `${command}\n${tail(stdout)}\n${tail(stderr)}`.trimEnd();
}
