import { listKeyViews, revokeKey, rotateKeys } from '../core/administration/index.ts';
import { createKeys, type Keys } from '../core/keys/index.ts';
import { command, group, json } from './command.ts';
import { EXIT, Failure } from './failure.ts';
import { type Ground, onGround } from './ground.ts';
import { note, print, printJson, tableText } from './output.ts';

const list = command({
  summary: 'List the signing keys.',
  examples: ['auth-api keys list', 'auth-api keys list --json'],
  args: { json },
  run: ({ args }) =>
    onGround({ command: 'keys list' }, async (ground) => {
      const rows = await listKeyViews(keysOn(ground), ground.clock.now());
      if (args.json) printJson({ data: rows });
      else if (rows.length === 0) print('There are none yet: the first start of the server makes one.');
      else
        print(
          tableText(
            ['kid', 'alg', 'state', 'signs from'],
            rows.map((row) => [row.kid, row.alg, row.status, row.active_from ?? '']),
          ),
        );
    }),
});

const rotate = command({
  summary: 'Make a new signing key, which takes over from the present one.',
  about:
    'The new key is published at once and signs five minutes later, when everybody has fetched it; what the former one\nsigned stays valid. With --now it signs at once: services that keep the published keys may refuse tokens for five minutes.',
  examples: ['auth-api keys rotate', 'auth-api keys rotate --now'],
  args: { json, now: { type: 'boolean', description: 'Sign with the new key at once.' } },
  run: ({ args }) =>
    onGround({ command: 'keys rotate' }, async (ground) => {
      const kid = await rotateKeys(ground.unit, keysOn(ground), ground.by, args.now === true);
      if (args.json) printJson({ kid });
      else print(kid);
    }),
});

const revoke = command({
  summary: 'Revoke a signing key: whatever it signed is refused from now on.',
  about:
    'For a key that has leaked. Where it was the one that signs, a new one takes over at once. Access tokens that it signed\nare refused within a second; their holders refresh and go on.',
  examples: ['auth-api keys list', 'auth-api keys revoke 2aqMv1…'],
  args: { kid: { type: 'positional', description: 'The key, as `keys list` names it.', required: true }, json },
  run: ({ args }) =>
    onGround({ command: 'keys revoke' }, async (ground) => {
      const keyring = keysOn(ground);
      const isThere =
        !keyring.managed || (await keyring.list()).some((key) => key.kid === args.kid && key.revoked_at === null);
      if (!isThere)
        throw new Failure(
          EXIT.failed,
          `There is no key ${JSON.stringify(args.kid)} that could be revoked. \`auth-api keys list\` shows them.`,
        );
      await revokeKey(ground.unit, keyring, ground.by, args.kid);
      if (args.json) printJson({ revoked: args.kid });
      else note('revoked');
    }),
});

function keysOn({ db, encryption, clock, config }: Ground): Keys {
  const changes = { announce: () => undefined, onChange: () => undefined };
  return createKeys({ db, encryption, clock, config, changes });
}

export const keys = group('List, rotate and revoke signing keys.', {
  list: { summary: list.summary, load: async () => list },
  rotate: { summary: rotate.summary, load: async () => rotate },
  revoke: { summary: revoke.summary, load: async () => revoke },
});
