import { issueSetupLink } from '../core/setup/index.ts';
import { command, json } from './command.ts';
import { EXIT, Failure } from './failure.ts';
import { onGround } from './ground.ts';
import { note, print, printJson } from './output.ts';

export const setupLink = command({
  summary: 'Make the one-time link for the first administrator.',
  about:
    'It works once, for a day, and only while there is no administrator. Whoever opens it becomes one: hand it on like a password.',
  examples: ['auth-api setup-link'],
  args: { json },
  run: ({ args }) =>
    onGround({ command: 'setup-link' }, async ({ config, unit, clock, line }) => {
      const link = await unit.change(async (tx, record) => {
        const made = await issueSetupLink(tx, config.PUBLIC_URL, clock.now());
        if (made !== null) await record({ audit: [line({ action: 'setup.link_created' })] });
        return made;
      });
      if (link === null)
        throw new Failure(
          EXIT.failed,
          'There is an administrator already. `auth-api users create --admin` makes another.',
        );
      if (args.json) printJson({ link });
      else print(link);
      if (!args.json) note('It works once, within a day.');
    }),
});
