import { deleteUser, disableUser, enableUser, resetFactors, unlockUser } from '../../core/administration/index.ts';
import { createFactors } from '../../core/factors/index.ts';
import { createGuesses } from '../../core/throttle/index.ts';
import { command, json } from '../command.ts';
import { EXIT, Failure } from '../failure.ts';
import { onGround } from '../ground.ts';
import { note, printJson } from '../output.ts';
import { printUser, requireUser, who } from './find.ts';

export const disable = command({
  summary: 'Disable an account: its sessions end within a second, and it cannot sign in.',
  about: 'Its owner is told by mail. The last administrator cannot be disabled.',
  examples: ['auth-api users disable eve@example.com --reason="left the company"'],
  args: { who, reason: { type: 'string', description: 'For the audit log; erased with the account.' }, json },
  run: ({ args }) =>
    onGround({ command: 'users disable' }, async ({ db, unit, by }) => {
      const { id } = await requireUser(db, args.who);
      printUser(await disableUser(unit, by, id, args.reason), args.json === true);
    }),
});

export const enable = command({
  summary: 'Enable a disabled account.',
  examples: ['auth-api users enable eve@example.com'],
  args: { who, json },
  run: ({ args }) =>
    onGround({ command: 'users enable' }, async ({ db, unit, by }) => {
      const { id } = await requireUser(db, args.who);
      printUser(await enableUser(unit, by, id), args.json === true);
    }),
});

export const unlock = command({
  summary: 'Lift the lock-out that wrong passwords have brought about.',
  examples: ['auth-api users unlock ada@example.com'],
  args: { who, json },
  run: ({ args }) =>
    onGround({ command: 'users unlock' }, async ({ db, unit, by, encryption }) => {
      const { id } = await requireUser(db, args.who);
      printUser(await unlockUser(unit, createGuesses(encryption), by, id), args.json === true);
    }),
});

export const resetMfa = command({
  summary: 'Take all second factors from an account whose owner has lost them; takes --reason.',
  about:
    'Passkeys, authenticator app and codes go, and every session ends. With MFA_RESET_DELAY it waits, and its owner can veto it by the link in the mail.',
  examples: ['auth-api users reset-mfa ada@example.com --reason="lost the phone, identified by passport"'],
  args: { who, reason: { type: 'string', description: 'For the audit log; erased with the account.' }, json },
  run: ({ args }) =>
    onGround({ command: 'users reset-mfa' }, async ({ db, unit, by, encryption, config, clock }) => {
      const user = await requireUser(db, args.who);
      if (!args.reason) throw new Failure(EXIT.usage, 'Say why, with --reason: it stands in the audit log.');
      const due = await resetFactors({ config, unit, factors: createFactors(encryption) }, by, user.id, args.reason);
      const when = new Date(due).toISOString();
      if (args.json) printJson({ user: user.id, due_at: when });
      else note(due > clock.now() ? `${user.email}: will happen at ${when}, unless vetoed` : `${user.email}: done`);
    }),
});

export const remove = command({
  summary: 'Delete an account for good, with its sessions; what is personal in the audit log is erased.',
  about: 'Its owner is told by mail. The last administrator cannot be deleted.',
  examples: ['auth-api users delete eve@example.com --yes'],
  args: { who, yes: { type: 'boolean', description: 'Really: nothing brings it back.' }, json },
  run: ({ args }) =>
    onGround({ command: 'users delete' }, async ({ db, unit, by }) => {
      const user = await requireUser(db, args.who);
      if (args.yes !== true) {
        throw new Failure(
          EXIT.usage,
          `Deleting ${user.email} cannot be undone. Say --yes to do it; \`users disable\` can be undone.`,
        );
      }
      await deleteUser(unit, by, user.id, [user.version]);
      if (args.json) printJson({ deleted: user.id });
      else note(`deleted ${user.email}`);
    }),
});
