import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SECTIONS } from './sections.ts';

export interface Choice {
  readonly isQuick: boolean;
  readonly sections: readonly string[];
  readonly only: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly isWritten: boolean;
  readonly isJson: boolean;
  readonly keep: string | undefined;
  readonly profile: string | undefined;
}

export const USAGE = `usage: npm run bench -- [options]
  --sections a,b   of ${Object.keys(SECTIONS).join(', ')}; all by default
  --only a,b       only these paths of a section, with what they are held against
  --quick          2 short rounds, to see that everything runs; the figures mean little
  --rounds n       instead of 7
  --seconds n      of each measurement, instead of 5
  --keep folder    keeps the large database of "growth" there, and uses the one that is there
  --profile folder leaves a CPU profile of each server of ours there; the figures of such a run are not to be kept
  --json           prints JSON instead of tables
  --write          writes bench/results/latest.json, docs/performance.md and docs/performance.svg
`;

export function readArguments(args: readonly string[]): Choice {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      sections: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      keep: { type: 'string' },
      profile: { type: 'string' },
      write: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const isQuick = values.quick;
  const sections = listOf(values.sections) ?? Object.keys(SECTIONS);
  const unknown = sections.find((name) => !Object.hasOwn(SECTIONS, name));
  if (unknown !== undefined) throw new Error(`there is no section ${unknown}`);
  if (values.write && values.only !== undefined) throw new Error('--write keeps whole sections: leave --only out');
  return {
    isQuick,
    sections,
    only: listOf(values.only) ?? [],
    rounds: positive(values.rounds, isQuick ? 2 : 7),
    seconds: positive(values.seconds, isQuick ? 1 : 5),
    warmUp: isQuick ? 1 : 4,
    isWritten: values.write,
    isJson: values.json,
    keep: values.keep,
    profile: values.profile === undefined ? undefined : resolve(values.profile),
  };
}

function listOf(text: string | undefined): string[] | undefined {
  return text?.split(',').map((part) => part.trim());
}

function positive(text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0)) throw new Error(`${text} is not a number above 0`);
  return value;
}
