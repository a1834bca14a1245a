import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesOf } from './lines.ts';

async function lines(...chunks: Uint8Array[]): Promise<string[]> {
  const found = [];
  for await (const line of linesOf(
    (async function* () {
      yield* chunks;
    })(),
  ))
    found.push(line);
  return found;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

test('lines end with either kind of line end, the last one with none, and a byte order mark is dropped', async () => {
  assert.deepEqual(await lines(bytes('\uFEFFa\r\nb\n\nc')), ['a', 'b', '', 'c']);
  assert.deepEqual(await lines(bytes('a\n')), ['a']);
  assert.deepEqual(await lines(), []);
});

test('a character that is cut between two chunks is one character', async () => {
  const text = bytes('grün\nrot');
  for (let at = 0; at < text.length; at++) {
    assert.deepEqual(await lines(text.subarray(0, at), text.subarray(at)), ['grün', 'rot']);
  }
});

test('what is not UTF-8 is seen to be that', async () => {
  assert.deepEqual(await lines(Buffer.from([0x67, 0xfc, 0x0a, 0x61])), ['g\uFFFD', 'a']);
});

test('of a line without an end only the beginning is kept', async () => {
  const chunk = bytes('x'.repeat(50_000));
  const [long, next] = await lines(chunk, chunk, chunk, bytes('\nnext'));
  assert.equal(long?.length, 64 * 1024 + 1);
  assert.equal(next, 'next');
});
