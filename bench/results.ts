import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FOLDER, ROOT } from './ground.ts';
import type { Machine } from './machine.ts';
import { drawChart } from './report/chart.ts';
import { fillDocument } from './report/document.ts';
import type { SectionResult } from './section.ts';
import { SECTIONS } from './sections.ts';

export interface Taken {
  readonly date: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly isQuick: boolean;
}

export interface Results {
  readonly machine: Machine;
  readonly sections: readonly (SectionResult & { readonly taken: Taken })[];
}

const LATEST = join(FOLDER, 'results', 'latest.json');
const DOCUMENT = join(ROOT, 'docs', 'performance.md');
const CHART = join(ROOT, 'docs', 'performance.svg');

/** Keeps the results and writes the document and its chart anew. Sections that did not run stay as they were taken. */
export function writeResults(results: Results): void {
  const merged = mergeWith(results);
  const document = fillDocument(readFileSync(DOCUMENT, 'utf8'), merged);
  const paths = merged.sections.find(({ name }) => name === 'paths');
  mkdirSync(join(FOLDER, 'results'), { recursive: true });
  writeFileSync(LATEST, textOf(merged));
  writeFileSync(DOCUMENT, document);
  if (paths) writeFileSync(CHART, drawChart(paths));
}

function mergeWith(results: Results): Results {
  if (!existsSync(LATEST)) return results;
  const before = JSON.parse(readFileSync(LATEST, 'utf8')) as Results;
  const [was, is] = [before.machine, results.machine];
  const isSame = (Object.keys(is) as (keyof Machine)[]).every((key) => was[key] === is[key]);
  if (!isSame) throw new Error('bench/results/latest.json is of another machine: remove it, and run all sections');
  const sections = Object.keys(SECTIONS).flatMap((name) => {
    const found = [...results.sections, ...before.sections].find((section) => section.name === name);
    return found ? [found] : [];
  });
  return { machine: is, sections };
}

/** Four digits say more than the figures are good for. */
export function textOf(results: Results): string {
  const round = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
  return `${JSON.stringify(results, round, 1)}\n`;
}
