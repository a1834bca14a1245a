import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { shown } from './report.ts';

type FileText = { readonly text: string; readonly mode: number; readonly path: string } | { readonly problem: string };

const LARGEST = 1024 * 1024;

/**
 * Reads a small regular file. Pipes and devices are refused: reading them could hang the start for ever.
 * The problem names the path and never any content.
 */
export function readSmallFile(cwd: string, path: string): FileText {
  const full = resolve(cwd, path);
  try {
    const stats = statSync(full);
    if (!stats.isFile()) return { problem: `names ${shown(path)}, which is not a file` };
    if (stats.size > LARGEST) return { problem: `names ${shown(path)}, which is larger than 1 MB` };
    return { text: readFileSync(full, 'utf8'), mode: stats.mode, path: full };
  } catch (error) {
    return { problem: `names ${shown(path)}, which ${reasonOf(error)}` };
  }
}

export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'cannot be read: permission denied';
  return `cannot be read (${code ?? 'unknown error'})`;
}
