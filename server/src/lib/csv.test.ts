import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvCell, readCsv, withoutGuard } from './csv.ts';

async function read(text: string) {
  const lines = (async function* () {
    yield* text.split('\n');
  })();
  const records = [];
  for await (const record of readCsv(lines)) records.push(record);
  return records;
}

test('cells may be quoted, doubled quotes are one, and a quoted cell may hold commas and line breaks', async () => {
  assert.deepEqual(await read('a,"b ""x"", c",\n\n"two\nlines",d,e'), [
    { line: 1, cells: ['a', 'b "x", c', ''] },
    { line: 3, cells: ['two\nlines', 'd', 'e'] },
  ]);
});

test('what cannot be read is told with the line where it begins, and what follows is read on', async () => {
  const [broken, next, open] = await read('"a"b,c\nx,y\nq,"never\nclosed');
  assert.match(broken?.fault ?? '', /behind a closing quotation mark/);
  assert.deepEqual(next, { line: 2, cells: ['x', 'y'] });
  assert.deepEqual([open?.line, open?.fault], [3, 'ends inside a quoted cell']);
});

test('a cell that is never closed is given up after 64 KiB rather than kept for ever', async () => {
  const records = await read(`a,"b\n${'x'.repeat(70_000)}\nc,d`);
  assert.match(records[0]?.fault ?? '', /longer than 64 KiB/);
  assert.deepEqual(records[1], { line: 3, cells: ['c', 'd'] });
});

test('no cell is a formula for a spreadsheet, and every text comes back as it was', async () => {
  const texts = [
    '=1+1',
    '+49',
    '-x',
    '@a',
    '|calc',
    '%x',
    ' =1',
    "'=1",
    '"=1',
    '＝1',
    'plain',
    "O'Neill",
    '',
    ' a ',
    'a,b',
    'a"b',
    'a\nb',
  ];
  for (const text of texts) {
    const written = csvCell(text);
    assert.doesNotMatch(written, /^"?[=+\-@|%＝]/, text);
    const [record] = await read(`${written},x`);
    assert.equal(withoutGuard(record?.cells[0] ?? ''), text);
  }
});
