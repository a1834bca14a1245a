import type { ArgDef, ArgsDef } from 'citty';
import type { Command } from './command.ts';
import { EXIT_MEANINGS } from './failure.ts';

const PROGRAM = 'auth-api';

/** What `--help` prints: what it is for, how it is called, every option, examples, exit codes. */
export function helpText(path: readonly string[], command: Command): string {
  const name = [PROGRAM, ...path].join(' ');
  const args = Object.entries<ArgDef>(command.args ?? {});
  const positionals = args.filter(([, arg]) => arg.type === 'positional');
  const options = [
    ...args.filter(([, arg]) => arg.type !== 'positional').map(([flag, arg]) => option(flag, arg)),
    helpOption(path),
  ];
  const commands = Object.entries(command.commands ?? {}).map(([word, entry]) => [word, entry.summary] as const);
  const call = [
    name,
    ...(commands.length > 0 ? ['<command>'] : positionals.map(([word, arg]) => slot(word, arg))),
    '[options]',
  ];
  return [
    command.summary,
    ...(command.about === undefined ? [] : [command.about]),
    `Usage: ${call.join(' ')}`,
    section(
      'Arguments',
      positionals.map(([word, arg]) => [slot(word, arg), arg.description ?? '']),
    ),
    section('Commands', commands),
    section('Options', options),
    ...(command.examples === undefined ? [] : [`Examples:\n${command.examples.map((line) => `  ${line}`).join('\n')}`]),
    section(
      'Exit codes',
      EXIT_MEANINGS.map(([code, meaning]) => [String(code), meaning]),
    ),
    ...(commands.length > 0 ? [`\`${name} <command> --help\` says more about each.`] : []),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return '';
  const width = Math.max(...rows.map(([left]) => left.length));
  return `${title}:\n${rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')}`;
}

function slot(word: string, arg: ArgDef): string {
  const shown = word.toUpperCase();
  return arg.required === false || arg.default !== undefined ? `[${shown}]` : shown;
}

function option(flag: string, arg: ArgDef): readonly [string, string] {
  const value = arg.type === 'string' || arg.type === 'enum' ? `=${valueName(flag, arg)}` : '';
  const standard = arg.default === undefined || arg.default === false ? '' : ` (otherwise ${arg.default})`;
  return [`--${flag}${value}`, `${arg.description ?? ''}${arg.required === true ? ' Required.' : ''}${standard}`];
}

function valueName(flag: string, arg: ArgDef): string {
  if (arg.type === 'enum') return ((arg as { options?: string[] }).options ?? []).join('|');
  return (arg.valueHint ?? flag).toUpperCase();
}

function helpOption(path: readonly string[]): readonly [string, string] {
  return path.length === 0 ? ['--help, --version', 'This text; the version.'] : ['--help', 'This text.'];
}

/** The names of a command's options, with what `--no-` makes of them. */
export function optionNames(args: ArgsDef | undefined): string[] {
  return Object.entries<ArgDef>(args ?? {})
    .filter(([, arg]) => arg.type !== 'positional')
    .map(([name]) => name);
}
