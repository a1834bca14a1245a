import type { ArgDef, ArgsDef, ParsedArgs } from 'citty';

/**
 * A command of `auth-api`: citty's form (its argument definitions, its parser), with examples. A group has only
 * subcommands. Everything that is loaded lazily is loaded by who needs it, so that `--help` and a typo answer at once.
 */
export interface Command {
  readonly summary: string;
  /** Further paragraphs of `--help`. */
  readonly about?: string;
  readonly examples?: readonly string[];
  readonly args?: ArgsDef;
  /** How many more positionals may follow the named ones. */
  readonly run?: (input: Input) => Promise<void> | void;
  readonly commands?: Readonly<Record<string, Entry>>;
}

/** A subcommand as its group knows it: what it is for stands here, so that nothing is loaded to list it. */
export interface Entry {
  readonly summary: string;
  load(): Promise<Command>;
}

export interface Input {
  // biome-ignore lint/suspicious/noExplicitAny: each command reads it through its own definition, see `command`.
  readonly args: any;
}

/** Ties the type of `args` in `run` to the definition beside it. */
export function command<const T extends ArgsDef>(
  definition: Omit<Command, 'args' | 'run' | 'commands'> & {
    readonly args: T;
    run(input: { args: ParsedArgs<T> }): Promise<void> | void;
  },
): Command {
  return definition as unknown as Command;
}

export function group(
  summary: string,
  commands: Readonly<Record<string, Entry>>,
  more: Pick<Command, 'about' | 'examples'> = {},
): Command {
  return { summary, commands, ...more };
}

/** Every command that prints an answer takes it. */
export const json = { type: 'boolean', description: 'Print JSON, for programs.' } as const satisfies ArgDef;
