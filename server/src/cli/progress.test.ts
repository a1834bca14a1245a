// engines: none
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProgress } from './progress.ts';

function stream(isTTY: boolean): { text: string; as: NodeJS.WriteStream } {
  const written = { text: '' };
  const write = (text: string): boolean => {
    written.text += text;
    return true;
  };
  return Object.assign(written, { as: { isTTY, write } as unknown as NodeJS.WriteStream });
}

const state = (lines: number) => ({ lines, imported: lines - 2, skipped: 1, failed: 1 });

test('a log gets a line for every ten thousand', () => {
  const log = stream(false);
  const progress = createProgress(1_000, log.as);
  for (let lines = 500; lines <= 25_000; lines += 500) progress.show(state(lines), 0);
  progress.end();
  assert.equal(
    log.text,
    '10000 lines: 9998 imported, 1 skipped, 1 bad\n20000 lines: 19998 imported, 1 skipped, 1 bad\n',
  );
});

test('a terminal gets a bar that is drawn anew, and bad lines above it', () => {
  const terminal = stream(true);
  const progress = createProgress(1_000, terminal.as);
  progress.show(state(500), 500);
  progress.aside('line 7: email is missing', 1);
  progress.aside('line 8: email is missing', 1);
  progress.end();
  assert.match(terminal.text, /\[#{15}\.{15}\] {2}50% 500 lines: 498 imported, 1 skipped, 1 bad/);
  assert.ok(terminal.text.includes('\r\u001b[2Kline 7: email is missing\n'));
  assert.doesNotMatch(terminal.text, /line 8/);
});

test('where the size is not known there is no bar, only the counts', () => {
  const terminal = stream(true);
  createProgress(null, terminal.as).show(state(500), 0);
  assert.equal(terminal.text, '\r\u001b[2K500 lines: 498 imported, 1 skipped, 1 bad');
});
