/**
 * `npm run bench`: what the hot paths of the server cost, what the same work costs at the least, and what a rival takes
 * for it; all of it measured in one run on one machine. README.md says how, and how to read it.
 */
import { type Choice, readArguments, USAGE } from './arguments.ts';
import { say } from './ground.ts';
import { describeMachine } from './machine.ts';
import { resultsText } from './report/document.ts';
import { type Results, textOf, writeResults } from './results.ts';
import { SECTIONS } from './sections.ts';
import { type Stores, startStores } from './stores.ts';

async function main(args: readonly string[]): Promise<void> {
  if (process.platform !== 'linux') throw new Error('The bench reads what processes cost from /proc: it needs Linux.');
  const choice = readArguments(args);
  const stores = await startStores(choice.keep === undefined ? {} : { keep: choice.keep });
  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    await stores.stop();
  };
  process.once('SIGINT', () => void stop().finally(() => process.exit(130)));
  process.once('SIGTERM', () => void stop().finally(() => process.exit(143)));
  try {
    const results: Results = { machine: describeMachine(stores), sections: await runSections(choice, stores) };
    process.stdout.write(choice.isJson ? textOf(results) : resultsText(results));
    if (choice.isWritten) writeResults(results);
  } finally {
    await stop();
  }
}

async function runSections(choice: Choice, stores: Stores): Promise<Results['sections']> {
  const { rounds, seconds, isQuick, only } = choice;
  const wants = (path: string): boolean => only.length === 0 || only.includes(path);
  const results: Results['sections'][number][] = [];
  for (const name of choice.sections) {
    const run = await SECTIONS[name]?.();
    if (run === undefined) continue;
    const taken = { date: new Date().toISOString().slice(0, 10), rounds, seconds, isQuick };
    results.push({ ...(await run({ ...choice, stores, wants })), taken });
  }
  return results;
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: Error) => {
    say(error.stack ?? error.message);
    if (/^(there is no section|--write keeps|.* is not a number|Unknown option)/.test(error.message))
      process.stderr.write(USAGE);
    process.exit(1);
  },
);
