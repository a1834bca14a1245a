import { fstatSync, write as fsWrite } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LineTarget } from './queue.ts';

/**
 * The process's own output. Node writes to pipes and sockets without blocking, so a reader that has stopped only makes
 * the queue before it grow; a redirection into a file would be synchronous, and goes through the thread pool instead.
 */
export function streamTarget(stream: NodeJS.WritableStream & { fd?: number }): LineTarget {
  // A reader that went away (EPIPE) must not end the process.
  const ignore = () => undefined;
  stream.on('error', ignore);
  const fd = stream.fd;
  const isFile = fd !== undefined && fstatSync(fd).isFile();
  return {
    prepare: async () => undefined,
    write: (chunk) =>
      new Promise((resolve, reject) => {
        if (isFile) return fsWrite(fd, chunk, (error, written) => (error ? reject(error) : resolve(written)));
        stream.write(chunk, (error) => (error ? reject(error) : resolve(chunk.length)));
      }),
    close: async () => void stream.removeListener('error', ignore),
  };
}

interface RotationOptions {
  path: string;
  /** A file never grows past this, unless one line alone is longer. */
  maxSize: number;
  /** How many old files are kept: `path.1` (the newest) to `path.<maxFiles>`. */
  maxFiles: number;
}

interface FileTarget extends LineTarget {
  /** Opens the path anew, for a rotation done by others (logrotate). */
  reopen(): Promise<void>;
}

export function rotatingFile({ path, maxSize, maxFiles }: RotationOptions): FileTarget {
  let file: FileHandle | null = null;
  let size = 0;
  /** Where the next rotation is due; moved on when a rotation fails, so that a stubborn directory costs no line. */
  let limit = maxSize;

  const openFile = async () => {
    await mkdir(dirname(path), { recursive: true });
    file = await open(path, 'a', 0o640);
    size = (await file.stat()).size;
    limit = Math.max(maxSize, limit);
    return file;
  };
  const closeFile = async () => {
    const old = file;
    file = null;
    await old?.close();
  };
  return {
    async prepare(bytes) {
      file ??= await openFile();
      if (size === 0 || size + bytes <= limit) return;
      await closeFile();
      limit = await shift(path, maxFiles).then(
        () => maxSize,
        () => size + maxSize,
      );
      await openFile();
    },
    async write(chunk) {
      file ??= await openFile();
      const { bytesWritten } = await file.write(chunk);
      size += bytesWritten;
      return bytesWritten;
    },
    close: closeFile,
    reopen: closeFile,
  };
}

/** `path` becomes `path.1`, `path.1` becomes `path.2`, and so on; what was last is gone. */
async function shift(path: string, maxFiles: number): Promise<void> {
  if (maxFiles < 1) return rm(path, { force: true });
  const absent = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  };
  for (let n = maxFiles - 1; n >= 1; n--) await rename(`${path}.${n}`, `${path}.${n + 1}`).catch(absent);
  await rename(path, `${path}.1`).catch(absent);
}
