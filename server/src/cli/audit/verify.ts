import {
  type ChainReport,
  type RememberedCheckpoint,
  readCheckpointFromLog,
  verifyChain,
} from '../../core/audit/index.ts';
import { command, json } from '../command.ts';
import { EXIT, Failure } from '../failure.ts';
import { onGround } from '../ground.ts';
import { note, print, printJson } from '../output.ts';

export const verify = command({
  summary: 'Verify the hash chain and the signatures of the audit log.',
  about:
    'Finds every changed, missing or forged line, and lines that have waited for their seal for more than 5 s. That the end\nwas cut off shows only against a checkpoint that is kept elsewhere: the server logs one every second in which it sealed\nsomething. Exit code 1 where something is found.',
  examples: [
    'auth-api audit verify',
    'auth-api audit verify --checkpoint-log=/var/log/auth-api.log',
    'auth-api audit verify --checkpoint=4711:9f86d081884c7d65… --json',
  ],
  args: {
    checkpoint: {
      type: 'string',
      description: 'A checkpoint that you remember: the number and the hash of the line.',
      valueHint: 'seq:hash',
    },
    'checkpoint-log': {
      type: 'string',
      description: 'A log of the server; the furthest checkpoint in it is taken.',
      valueHint: 'file',
    },
    json,
  },
  run: ({ args }) =>
    onGround({ command: 'audit verify' }, async ({ db, encryption, clock, unit, line }) => {
      const expectCheckpoint = await remembered(args.checkpoint, args['checkpoint-log']);
      const isTerminal = process.stderr.isTTY === true;
      const report = await verifyChain(db, encryption, {
        now: clock.now(),
        ...(expectCheckpoint && { expectCheckpoint }),
        onProgress: (done, total) => void (isTerminal && process.stderr.write(`\r\u001b[2K${done} of ${total} lines`)),
      });
      if (isTerminal) process.stderr.write('\r\u001b[2K');
      const { ok, lines, faultCount } = report;
      await unit.record({
        audit: [
          line({
            action: 'audit.verified',
            outcome: ok ? 'success' : 'failure',
            detail: { lines, faults: faultCount },
          }),
        ],
      });
      if (args.json)
        printJson({
          ...report,
          head: { seq: report.head.seq, hash: report.head.hash.toString('hex') },
          expected: expectCheckpoint ?? null,
        });
      else tell(report, expectCheckpoint);
      if (!ok) process.exitCode = EXIT.failed;
    }),
});

const SHOWN = 20;

function tell(
  { ok, lines, erased, unsealed, head, faults, faultCount }: ChainReport,
  expected: RememberedCheckpoint | null,
): void {
  for (const fault of faults.slice(0, SHOWN))
    print(`${fault.kind}${fault.seq === undefined ? '' : ` at ${fault.seq}`}: ${fault.detail}`);
  if (faultCount > SHOWN) print(`… and ${faultCount - SHOWN} more; --json lists a hundred`);
  print(
    `${ok ? 'The log is whole' : `The log has ${faultCount === 1 ? 'one fault' : `${faultCount} faults`}`}: ${lines} lines, ${erased} of them erased with their users, ${unsealed} waiting for their seal.`,
  );
  print(`It ends at ${head.seq}:${head.hash.toString('hex')}`);
  if (expected === null) note('Whether its end was cut off shows only with --checkpoint or --checkpoint-log.');
}

async function remembered(text: string | undefined, log: string | undefined): Promise<RememberedCheckpoint | null> {
  if (text !== undefined && log !== undefined)
    throw new Failure(EXIT.usage, 'One of --checkpoint and --checkpoint-log.');
  if (log !== undefined) {
    const found = await readCheckpointFromLog(log).catch((error: NodeJS.ErrnoException) => {
      throw new Failure(EXIT.data, `${log} cannot be read (${error.code ?? error.message}).`);
    });
    if (found === null) throw new Failure(EXIT.data, `${log} holds no checkpoint.`);
    return found;
  }
  if (text === undefined) return null;
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text) ?? [];
  if (seq === undefined || hash === undefined)
    throw new Failure(EXIT.usage, '--checkpoint takes the number and the 64 hexadecimal digits of a hash: 4711:9f86….');
  return { seq: Number(seq), hash: hash.toLowerCase() };
}
