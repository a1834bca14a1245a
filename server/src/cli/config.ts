import { configurationMarkdown, envExample } from '../config/document.ts';
import { ConfigError } from '../config/report.ts';
import { command, group, json } from './command.ts';
import { EXIT } from './failure.ts';
import { shownSettings } from './masked.ts';
import { fieldsText, note, print, printJson } from './output.ts';
import { readConfig } from './start.ts';

const check = command({
  summary: 'Read the settings and list every fault and warning.',
  about: 'Exit code 78 where there is a fault. Asks nothing of the network but references to secret stores.',
  examples: ['auth-api config check', 'NODE_ENV=production auth-api config check --json'],
  args: { json },
  async run({ args }) {
    const { faults, warnings } = await faultsAndWarnings();
    if (args.json) printJson({ ok: faults.length === 0, faults, warnings });
    else {
      for (const { name, problem, expected } of faults) print(`fault    ${name} ${problem}. Expected: ${expected}.`);
      for (const warning of warnings) print(`warning  ${warning}`);
      if (faults.length === 0)
        print(warnings.length === 0 ? 'The settings are in order.' : 'The settings can be used.');
    }
    if (faults.length > 0) process.exitCode = EXIT.config;
  },
});

export async function faultsAndWarnings(): Promise<{ faults: ConfigError['faults']; warnings: string[] }> {
  try {
    return { faults: [], warnings: (await readConfig()).warnings };
  } catch (error) {
    if (error instanceof ConfigError) return { faults: error.faults, warnings: [] };
    throw error;
  }
}

const show = command({
  summary: 'Print the settings as they are in force; secrets are not shown.',
  examples: ['auth-api config print', 'auth-api config print --json'],
  args: { json },
  async run({ args }) {
    const { config, warnings } = await readConfig();
    const settings = shownSettings(config);
    if (args.json) printJson(settings);
    else
      print(
        fieldsText(
          Object.entries(settings).map(([name, value]) => [
            name,
            typeof value === 'string' ? value : JSON.stringify(value),
          ]),
        ),
      );
    for (const warning of warnings) note(`warning: ${warning}`);
  },
});

const docs = command({
  summary: 'Print the reference of every setting (Markdown), or an example of a `.env` file.',
  examples: ['auth-api config docs > docs/reference/configuration.md', 'auth-api config docs --env > .env.example'],
  args: { env: { type: 'boolean', description: 'The example file instead.' } },
  run: ({ args }) => print(args.env ? envExample() : configurationMarkdown()),
});

export const config = group('Check, print and document the settings.', {
  check: { summary: check.summary, load: async () => check },
  print: { summary: show.summary, load: async () => show },
  docs: { summary: docs.summary, load: async () => docs },
});
