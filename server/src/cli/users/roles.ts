import { setUserRoles } from '../../core/administration/index.ts';
import { command, json } from '../command.ts';
import { EXIT, Failure } from '../failure.ts';
import { onGround } from '../ground.ts';
import { print, printJson } from '../output.ts';
import { requireUser, who } from './find.ts';

export const roles = command({
  summary: 'Show the roles of an account, or change them; a change counts within a second.',
  examples: [
    'auth-api users roles ada@example.com',
    'auth-api users roles ada@example.com --add=admin --remove=support',
  ],
  args: {
    who,
    add: { type: 'string', description: 'Roles to give, separated by commas.', valueHint: 'role,…' },
    remove: { type: 'string', description: 'Roles to take away.', valueHint: 'role,…' },
    set: { type: 'string', description: 'These roles and no others; `-` for none.', valueHint: 'role,…' },
    json,
  },
  run: ({ args }) =>
    onGround({ command: 'users roles' }, async ({ db, unit, by }) => {
      const user = await requireUser(db, args.who);
      if (args.set !== undefined && (args.add ?? args.remove) !== undefined) {
        throw new Failure(EXIT.usage, '--set stands alone: it says all the roles.');
      }
      const taken = names(args.remove);
      const wanted =
        args.set === undefined
          ? [...user.roles.filter((one) => !taken.includes(one)), ...names(args.add)]
          : names(args.set);
      const isChange = (args.set ?? args.add ?? args.remove) !== undefined;
      const after = isChange ? await setUserRoles(unit, by, user.id, wanted, [user.version]) : user;
      if (args.json) printJson({ id: after.id, roles: after.roles });
      else print(after.roles.join('\n') || '(none)');
    }),
});

function names(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '' && one !== '-');
}
