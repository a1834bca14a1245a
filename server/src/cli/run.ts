import { type ArgDef, type ArgsDef, parseArgs } from 'citty';
import type { Command, Entry } from './command.ts';
import { EXIT, explain, Failure } from './failure.ts';
import { helpText, optionNames } from './help.ts';
import { note, print } from './output.ts';
import { suggest } from './suggest.ts';

/**
 * Finds the command that the words name and runs it. citty's own runner neither refuses unknown options nor knows exit
 * codes; so the finding and the refusing are here, and the parsing is citty's.
 */
export async function runCommandLine(root: Command, words: readonly string[], version: string): Promise<number> {
  try {
    if (words[0] === '--version' || words[0] === '-v') {
      print(version);
      return EXIT.ok;
    }
    const { path, command, rest } = await find(root, words);
    if (asksForHelp(rest)) {
      print(helpText(path, command));
      return EXIT.ok;
    }
    if (command.run === undefined) throw missingCommand(path, command, rest);
    await command.run({ args: readArgs(path, command.args ?? {}, rest) });
    return (process.exitCode as number | undefined) ?? EXIT.ok;
  } catch (error) {
    const failure = explain(error);
    note(`auth-api: ${failure.message}`);
    return failure.exit;
  }
}

async function find(
  root: Command,
  words: readonly string[],
): Promise<{ path: string[]; command: Command; rest: string[] }> {
  const path: string[] = [];
  let command = root;
  for (const word of words) {
    const entry: Entry | undefined =
      command.commands !== undefined && Object.hasOwn(command.commands, word) ? command.commands[word] : undefined;
    if (entry === undefined) break;
    command = await entry.load();
    path.push(word);
  }
  return { path, command, rest: words.slice(path.length) };
}

function asksForHelp(rest: readonly string[]): boolean {
  const end = rest.indexOf('--');
  return (end < 0 ? rest : rest.slice(0, end)).some((word) => word === '--help' || word === '-h') || rest[0] === 'help';
}

function missingCommand(path: readonly string[], command: Command, rest: readonly string[]): Failure {
  const known = Object.keys(command.commands ?? {});
  const name = ['auth-api', ...path].join(' ');
  const word = rest.find((one) => !one.startsWith('-'));
  if (word === undefined) {
    const odd = rest[0] === undefined ? '' : `${rest[0]} is not an option of ${name}. `;
    return new Failure(EXIT.usage, `${odd}Say what to do: ${name} <${known.join('|')}>. ${name} --help says more.`);
  }
  const meant = suggest(word, known);
  const hint = meant === undefined ? `The commands are: ${known.join(', ')}.` : `Did you mean \`${name} ${meant}\`?`;
  return new Failure(EXIT.usage, `\`${word}\` is not a command of ${name}. ${hint}`);
}

function readArgs(path: readonly string[], definition: ArgsDef, rest: string[]): Record<string, unknown> {
  const name = ['auth-api', ...path].join(' ');
  refuseStrangers(name, definition, rest);
  let args: Record<string, unknown> & { _: string[] };
  try {
    args = parseArgs(rest, definition) as typeof args;
  } catch (error) {
    throw new Failure(EXIT.usage, `${withoutColours((error as Error).message)}. ${name} --help says more.`);
  }
  const positionals = Object.values<ArgDef>(definition).filter((arg) => arg.type === 'positional').length;
  const odd = args._[positionals];
  if (odd !== undefined)
    throw new Failure(EXIT.usage, `${name} takes no further argument \`${odd}\`. ${name} --help says more.`);
  for (const [flag, arg] of Object.entries<ArgDef>(definition)) {
    if (arg.type === 'string' && args[flag] === '')
      throw new Failure(EXIT.usage, `--${flag} needs a value: --${flag}=${(arg.valueHint ?? flag).toUpperCase()}.`);
  }
  return args;
}

/** What nobody has defined is refused rather than ignored: `--dryrun` would otherwise import for real. */
function refuseStrangers(name: string, definition: ArgsDef, rest: readonly string[]): void {
  const known = optionNames(definition);
  for (let index = 0; index < rest.length; index++) {
    const word = rest[index] as string;
    if (word === '--') return;
    if (!word.startsWith('-') || word === '-') continue;
    const flag = word.replace(/^--?/, '').split('=')[0] as string;
    const arg = word.startsWith('--') && known.includes(flag) ? (definition[flag] as ArgDef) : undefined;
    if (arg === undefined) {
      const meant = suggest(flag, known);
      const hint = meant === undefined ? `${name} --help lists the options.` : `Did you mean --${meant}?`;
      throw new Failure(EXIT.usage, `--${flag} is not an option of ${name}. ${hint}`);
    }
    const takesNext = (arg.type === 'string' || arg.type === 'enum') && !word.includes('=');
    if (takesNext && rest[index + 1]?.startsWith('--') !== true) index++;
    if (arg.type === 'boolean' && word.includes('=')) throw new Failure(EXIT.usage, `--${flag} takes no value.`);
  }
}

function withoutColours(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: citty colours its messages.
  return text.replace(/\u001b\[\d+m/g, '').replace(/\.$/, '');
}
