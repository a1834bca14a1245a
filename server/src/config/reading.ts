import { type Report, shown } from './report.ts';
import type { AnySetting } from './setting.ts';
import { type Name, table, type Values } from './table.ts';

/** What the parts of the configuration are made from. A setting that is at fault reads as if it were not set. */
export interface Reading {
  readonly values: Values;
  readonly isProduction: boolean;
  readonly cwd: string;
  readonly now: number;
  readonly report: Report;
  /** Whether somebody set it, rightly or wrongly, instead of a default standing in. */
  readonly isGiven: (name: Name) => boolean;
}

/**
 * An unknown NODE_ENV that names anything like a live system is held to production's rules, so that `prod` does not
 * open what production closes while the fault is being mended.
 */
export function isProductionText(text: string | undefined): boolean {
  return /^(prod|stag|live)/i.test(text ?? '');
}

/** Reads every entry of the table; faults go to the report. */
export function readValues(texts: ReadonlyMap<Name, string>, isProduction: boolean, report: Report): Values {
  const values: Partial<Record<Name, unknown>> = {};
  for (const [name, entry] of Object.entries(table) as [Name, AnySetting][]) {
    values[name] = readValue(name, entry, texts.get(name), isProduction, report);
  }
  return values as Values;
}

function readValue(
  name: Name,
  entry: AnySetting,
  text: string | undefined,
  isProduction: boolean,
  report: Report,
): unknown {
  if (text !== undefined) {
    const parsed = hasControlCharacters(entry.mayHaveLines === true ? text.replace(/[\r\n\t]/g, '') : text)
      ? { problem: 'has control characters in it' }
      : entry.parser.parse(text);
    if ('value' in parsed) return parsed.value;
    report.fault(name, entry.isSecret ? parsed.problem : `is ${shown(text)}, which ${parsed.problem}`);
  } else if (isProduction && entry.isRequiredInProduction === true && !report.blames(name)) {
    report.fault(name, 'is missing; production requires it');
  }
  return defaultOf(entry, isProduction);
}

function defaultOf(entry: AnySetting, isProduction: boolean): unknown {
  if (entry.default === null) return null;
  const text =
    typeof entry.default === 'string' ? entry.default : entry.default[isProduction ? 'production' : 'otherwise'];
  const parsed = entry.parser.parse(text);
  if ('value' in parsed) return parsed.value;
  throw new Error(`the default ${text} ${parsed.problem}`);
}

function hasControlCharacters(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
