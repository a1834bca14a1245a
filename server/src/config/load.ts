import { assemble, readParts } from './assemble.ts';
import { checkCombinations, warnOfSamples } from './combinations.ts';
import type { Config } from './config.ts';
import { MADE, readDevSecrets } from './dev-secrets.ts';
import { isProductionText, type Reading, readValues } from './reading.ts';
import { accessOf, type ResolveSecret, resolveReferences } from './references.ts';
import { ConfigError, createReport, type Report } from './report.ts';
import { type Environment, gather } from './sources.ts';
import { type Name, table, type Values } from './table.ts';
import { findTypos } from './typos.ts';
import { checkSecrets } from './weak-secrets.ts';

export interface LoadOptions {
  readonly env: Environment;
  /** Where `.env` is looked for, and where relative paths start. */
  readonly cwd: string;
  readonly clock: { now(): number };
  readonly resolveSecret: ResolveSecret;
  /** Hears of what was made on the way: the development secrets' file. */
  readonly log?: (text: string) => void;
  /** Milliseconds for all references together. */
  readonly referenceLimit?: number;
}

/**
 * Reads every setting once, or throws a ConfigError with every fault. Nothing is asked of the network except for
 * references to secret stores, so that a wrong configuration stops the start at once.
 */
export async function loadConfig(options: LoadOptions): Promise<{ config: Config; warnings: string[] }> {
  const { env, cwd, clock, resolveSecret, log = () => {}, referenceLimit = 10_000 } = options;
  const report = createReport((name) =>
    Object.hasOwn(table, name) ? table[name as Name].parser.expected : 'a valid setting',
  );
  const { texts, strangers } = gather(env, cwd, report);
  const given = new Set(texts.keys());
  const isProduction = isProductionText(texts.get('NODE_ENV'));
  for (const typo of findTypos(strangers)) report.warn(typo);

  const stores = readValues(
    texts,
    isProduction,
    createReport(() => ''),
  );
  await resolveReferences(texts, accessOf(stores), resolveSecret, referenceLimit, report);
  const reading: Reading = {
    values: readValues(texts, isProduction, report),
    isProduction,
    cwd,
    now: clock.now(),
    report,
    isGiven: (name) => given.has(name) || report.blames(name),
  };
  const parts = readParts(reading);
  checkCombinations(reading);
  checkSecrets(texts, reading);
  warnOfSamples(texts, new Set(Object.keys(table).filter((name) => table[name as Name].isSecret === true)), reading);
  const values = fillInSecrets(texts, reading, log);
  if (report.faults.length > 0) throw new ConfigError(sorted(report));
  return { config: freeze(assemble(values, parts, cwd)), warnings: [...report.warnings] };
}

/** Only where nothing else is wrong: a start that fails leaves no files behind. */
function fillInSecrets(texts: Map<Name, string>, reading: Reading, log: (text: string) => void): Values {
  const isComplete = MADE.every((name) => texts.has(name));
  if (reading.isProduction || isComplete || reading.report.faults.length > 0) return reading.values;
  const made = readDevSecrets(reading.cwd, reading.values.DATA_DIR, reading.report, log);
  for (const name of MADE) {
    if (made && !texts.has(name)) texts.set(name, made[name]);
  }
  return readValues(texts, false, reading.report);
}

/** In the order of the reference page, each fault once. */
function sorted(report: Report): Report['faults'] {
  const order = Object.keys(table);
  const place = (name: string): number => order.indexOf(order.includes(name) ? name : name.replace(/_FILE$/, ''));
  const unique = new Map(report.faults.map((fault) => [`${fault.name} ${fault.problem}`, fault]));
  return [...unique.values()].sort((a, b) => place(a.name) - place(b.name));
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
