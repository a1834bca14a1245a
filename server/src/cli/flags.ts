import { type Flag, type FlagInput, listFlags, type Rule, setFlag, unsetFlag } from '../core/flags/index.ts';
import { Refusal } from '../lib/refusal.ts';
import type { Db } from '../platform/db/index.ts';
import { command, group, json } from './command.ts';
import { EXIT, Failure } from './failure.ts';
import { onGround } from './ground.ts';
import { note, plain, print, printJson, tableText } from './output.ts';
import { requireUser } from './users/find.ts';

const list = command({
  summary: 'List the feature flags: the server’s own, and those that were set beside them.',
  examples: ['auth-api flags list', 'auth-api flags list --json'],
  args: { json },
  run: ({ args }) =>
    onGround({ command: 'flags list' }, async ({ db }) => {
      const { flags } = await listFlags(db);
      if (args.json) printJson({ data: flags.map(viewOf) });
      else
        print(
          tableText(
            ['flag', 'value', 'rules', 'what it is for'],
            flags.map((flag) => [flag.key, plain(String(flag.default)), rulesText(flag), plain(flag.description)]),
          ),
        );
    }),
});

const set = command({
  summary: 'Set a flag, for everybody or for some; in force in every server within a second.',
  about:
    'Alone it sets the value for everybody, and ends the rules that were there. With --users, --roles or --share it sets the\nvalue for those users, else for those roles, else for that share, and everybody else gets --default (of true, false; of\nfalse, true). A share that grows keeps all whom it had.',
  examples: [
    'auth-api flags set registration false',
    'auth-api flags set shop.checkout true --roles=staff --share=5',
    'auth-api flags set shop.theme dark --users=ada@example.com --default=light',
  ],
  args: {
    key: { type: 'positional', description: 'The flag.', required: true },
    value: { type: 'positional', description: 'true, false, or a text.', required: true },
    users: { type: 'string', description: 'Addresses or ids, separated by commas.', valueHint: 'who,…' },
    roles: { type: 'string', description: 'Roles, separated by commas.', valueHint: 'role,…' },
    share: { type: 'string', description: 'Percent of all users.', valueHint: '0-100' },
    default: { type: 'string', description: 'The value for everybody else.', valueHint: 'value' },
    description: { type: 'string', description: 'What the flag is for, if it is your own.' },
    paused: { type: 'boolean', description: 'Keep the rules, and give everybody the default for now.' },
    json,
  },
  run: ({ args }) =>
    onGround({ command: 'flags set' }, async ({ db, unit, by }) => {
      const known = (await listFlags(db)).flags.find(({ key }) => key === args.key);
      const description = args.description ?? (known?.isDeclared ? '' : known?.description);
      const input: FlagInput = {
        key: args.key,
        enabled: args.paused !== true,
        ...(description !== undefined && { description }),
        ...(await wanted(db, args, known)),
      };
      const { flags } = await setFlag(unit, by, input).catch(explained);
      const flag = flags.find(({ key }) => key === args.key) as Flag;
      if (args.json) printJson(viewOf(flag));
      else note(`${flag.key}: ${plain(String(flag.default))}${flag.rules.length === 0 ? '' : ` (${rulesText(flag)})`}`);
    }),
});

const unset = command({
  summary: 'Take a setting back: one of the server’s own flags has its default again, another one is gone.',
  examples: ['auth-api flags unset registration'],
  args: { key: { type: 'positional', description: 'The flag.', required: true }, json },
  run: ({ args }) =>
    onGround({ command: 'flags unset' }, async ({ unit, by }) => {
      if (!(await unsetFlag(unit, by, args.key)))
        throw new Failure(
          EXIT.failed,
          `No flag ${JSON.stringify(args.key)} is set. \`auth-api flags list\` shows them.`,
        );
      if (args.json) printJson({ unset: args.key });
      else note(`unset ${args.key}`);
    }),
});

interface Words {
  readonly value: string;
  readonly users?: string | undefined;
  readonly roles?: string | undefined;
  readonly share?: string | undefined;
  readonly default?: string | undefined;
}

async function wanted(db: Db, words: Words, known: Flag | undefined): Promise<Pick<FlagInput, 'default' | 'rules'>> {
  const { share } = words;
  const isText = known?.type === 'string' || !isSwitch(words.value);
  const read = (word: string): boolean | string => (isText || !isSwitch(word) ? word : word === 'true');
  const value = read(words.value);
  const users = await Promise.all(split(words.users).map(async (word) => (await requireUser(db, word)).id));
  const roles = split(words.roles);
  if (share !== undefined && !/^\d{1,3}(\.\d{1,6})?$/.test(share))
    throw new Failure(EXIT.usage, '--share takes a percentage from 0 to 100.');
  const rules: Rule[] = [
    ...(users.length > 0 ? [{ users, value }] : []),
    ...(roles.length > 0 ? [{ roles, value }] : []),
    ...(share === undefined ? [] : [{ share: Number(share), value }]),
  ];
  if (rules.length === 0) return { default: value, rules };
  if (words.default !== undefined) return { default: read(words.default), rules };
  if (typeof value === 'boolean') return { default: !value, rules };
  if (known?.type === 'string') return { default: known.default, rules };
  throw new Failure(EXIT.usage, 'Say with --default which text everybody else gets.');
}

function isSwitch(word: string): boolean {
  return word === 'true' || word === 'false';
}

function split(words: string | undefined): string[] {
  return [
    ...new Set(
      (words ?? '')
        .split(',')
        .map((word) => word.trim())
        .filter(Boolean),
    ),
  ];
}

function explained(error: unknown): never {
  if (!(error instanceof Refusal) || error.code !== 'validation_failed') throw error;
  const faults = error.options.errors?.map(({ field, message }) => `${field.replace('flags.0.', '')} ${message}`) ?? [];
  throw new Failure(EXIT.usage, `The flag cannot be set: ${faults.join('; ')}.`);
}

function rulesText({ rules, enabled }: Flag): string {
  const texts = rules.map(({ users, roles, share, value }) => {
    const conditions = [
      ...(users ? [`${users.length} ${users.length === 1 ? 'user' : 'users'}`] : []),
      ...(roles ? [roles.join('|')] : []),
      ...(share === undefined ? [] : [`${share} %`]),
    ];
    return `${conditions.join(' & ')}: ${plain(String(value))}`;
  });
  return `${enabled ? '' : 'paused '}${texts.join(', ')}`.trim();
}

function viewOf({ isDeclared, updatedAt, ...flag }: Flag) {
  return { ...flag, declared: isDeclared, updated_at: updatedAt?.toISOString() ?? null };
}

export const flags = group('List, set and unset feature flags.', {
  list: { summary: list.summary, load: async () => list },
  set: { summary: set.summary, load: async () => set },
  unset: { summary: unset.summary, load: async () => unset },
});
