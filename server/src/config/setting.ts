import type { Parser } from './parsers.ts';

/**
 * One entry of the table of settings. The reading, the faults, the reference page and the example file all come from
 * it, so that none of them can say something else than the others.
 */
interface Entry {
  readonly description: string;
  readonly example: string;
  /** Says where a default comes from that is not a fixed text. */
  readonly defaultNote?: string;
  /** Never printed; may come from NAME_FILE, and as a reference to a secret store. */
  readonly isSecret?: boolean;
  /** May be written over several lines, as JSON in a file is. */
  readonly mayHaveLines?: boolean;
  /** Comma-separated secrets: the first is used, all are accepted. */
  readonly isList?: boolean;
  readonly isRequiredInProduction?: boolean;
}

/** Always has a value. */
export interface FilledSetting<T> extends Entry {
  readonly parser: Parser<T>;
  readonly default: string | { readonly production: string; readonly otherwise: string };
}

/** `null` where nothing is set. */
export interface OptionalSetting<T> extends Entry {
  readonly parser: Parser<T>;
  readonly default: null;
}

export type AnySetting = FilledSetting<unknown> | OptionalSetting<unknown>;

export function setting<T>(parser: Parser<T>, entry: Entry & Pick<FilledSetting<T>, 'default'>): FilledSetting<T> {
  return { ...entry, parser };
}

export function optional<T>(parser: Parser<T>, entry: Entry): OptionalSetting<T> {
  return { ...entry, parser, default: null };
}

export type ValuesOf<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends OptionalSetting<infer T>
    ? T | null
    : Table[Name] extends FilledSetting<infer T>
      ? T
      : never;
};
