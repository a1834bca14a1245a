import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { ConfigError } from '../config/report.ts';
import { Refusal } from '../lib/refusal.ts';
import { systemClock } from '../platform/clock.ts';
import { DirectoryHeld } from '../platform/db/index.ts';
import { resolveSecret } from '../platform/secrets/resolve.ts';

/** What the exit code says (sysexits.h where it has a word). */
export const EXIT = { ok: 0, failed: 1, usage: 64, data: 65, unavailable: 69, internal: 70, config: 78 } as const;

/** The settings, or every fault on stderr and exit 78. */
export async function readConfig(): Promise<{ config: Config; warnings: string[] }> {
  try {
    return await loadConfig({
      env: process.env,
      cwd: process.cwd(),
      clock: systemClock,
      resolveSecret,
      log: (text) => process.stderr.write(`${text}\n`),
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT.config);
  }
}

/** What went wrong at a start, for the person at the terminal: what, where, what to do. Never a stack. */
export function explain(error: unknown): string {
  if (error instanceof DirectoryHeld) return `${error.message}. Stop it first, or set another DATA_DIR.`;
  const cause = error instanceof Refusal ? error.options.cause : (error as { cause?: unknown }).cause;
  const { code, message, port } = error as { code?: string; message: string; port?: number };
  if (code === 'EADDRINUSE') return `Port ${port} is taken by another program. Set PORT or METRICS_PORT to a free one.`;
  const because = cause instanceof Error ? ` (${cause.message})` : '';
  return `auth-api could not start: ${message}${because}`;
}
