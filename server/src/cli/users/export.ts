import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { exportUsers } from '../../core/user-transfer/index.ts';
import { command } from '../command.ts';
import { onGround } from '../ground.ts';
import { note, pour } from '../output.ts';

export const exportCommand = command({
  summary: 'Export every account, as `users import` takes it.',
  about:
    'CSV cells that a spreadsheet would take for formulas begin with an apostrophe; the import takes it off again.',
  examples: [
    'auth-api users export > users.ndjson',
    'auth-api users export --format=csv --out=users.csv',
    'auth-api users export --with-hashes --out=all.ndjson',
  ],
  args: {
    format: { type: 'enum', options: ['ndjson', 'csv'], default: 'ndjson', description: 'The form.' },
    'with-hashes': {
      type: 'boolean',
      description: 'Password hashes too: for moving to another server. Keep the file like passwords.',
    },
    out: {
      type: 'string',
      description: 'Write into this new file, which only you can read, instead of standard output.',
      valueHint: 'file',
    },
  },
  run: ({ args }) =>
    onGround({ command: 'users export' }, async ({ db, unit, line }) => {
      const withHashes = args['with-hashes'] === true;
      const format = args.format as 'ndjson' | 'csv';
      await unit.record({ audit: [line({ action: 'user.exported', detail: { format, with_hashes: withHashes } })] });
      const chunks = exportUsers(db, { format, withHashes });
      if (args.out === undefined) return pour(chunks);
      const file = createWriteStream(args.out, { flags: 'wx', mode: 0o600 });
      await new Promise<void>((opened, failed) => void file.once('open', () => opened()).once('error', failed));
      await pour(chunks, file);
      file.end();
      await finished(file);
      note(`written to ${args.out}`);
    }),
});
