import type { ImportProgress } from '../core/user-transfer/index.ts';

export interface Progress {
  show(state: ImportProgress, bytesRead: number): void;
  /** A line beside the bar, the first `most` of them. */
  aside(text: string, most: number): void;
  end(): void;
}

const EVERY_LINES = 10_000;
const EVERY_MS = 100;
const WIDTH = 30;

/** On a terminal a bar that is drawn anew, elsewhere a line for every ten thousand: both on stderr. */
export function createProgress(size: number | null, stream: NodeJS.WriteStream = process.stderr): Progress {
  const isTerminal = stream.isTTY === true;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let told = 0;
  let shown = 0;
  const clear = (): void => void (isTerminal && drawnAt > 0 && stream.write('\r\u001b[2K'));
  return {
    show(state, bytesRead) {
      if (!isTerminal) {
        if (state.lines - told < EVERY_LINES) return;
        told = state.lines - (state.lines % EVERY_LINES);
        stream.write(`${countsOf(state)}\n`);
        return;
      }
      const at = performance.now();
      if (at - drawnAt < EVERY_MS) return;
      drawnAt = at;
      stream.write(
        `\r\u001b[2K${size === null || size === 0 ? '' : `${bar(Math.min(1, bytesRead / size))} `}${countsOf(state)}`,
      );
    },
    aside(text, most) {
      if (++shown > most) return;
      clear();
      stream.write(`${text}\n`);
    },
    end: clear,
  };
}

function countsOf({ lines, imported, skipped, failed }: ImportProgress): string {
  return `${lines} lines: ${imported} imported, ${skipped} skipped, ${failed} bad`;
}

function bar(part: number): string {
  const full = Math.round(part * WIDTH);
  return `[${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] ${String(Math.floor(part * 100)).padStart(3)}%`;
}
