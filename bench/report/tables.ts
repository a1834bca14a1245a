import type { Machine } from '../machine.ts';
import { isReached, type Row, type SectionResult } from '../section.ts';
import { amount, spread, times } from './format.ts';

/** A section as Markdown: its table, what a reader has to know, and every lane in full. */
export function sectionText({ rows, notes, lanes, taken }: SectionResult & { taken: string }): string {
  const parts = [rowsTable(rows), notes.map((note) => `- ${note}`).join('\n'), lanesTable(lanes), taken];
  return parts.filter((part) => part !== '').join('\n\n');
}

function rowsTable(rows: readonly Row[]): string {
  const hasRivals = rows.some(({ rivals = [] }) => rivals.length > 0);
  const heads = ['', 'Ours', 'The limit', 'Ratio', 'Target', '', ...(hasRivals ? ['Rival'] : [])];
  const lines = rows.map((row) => {
    const { path, unit, ours, limit, ratio, target } = row;
    return [
      path,
      spread(ours, unit),
      limit === undefined ? '' : `${amount(limit.value.median, unit)}: ${limit.name}`,
      ratio === undefined ? '' : times(ratio.median),
      target?.text ?? '',
      target === undefined ? '' : verdictOf(row),
      ...(hasRivals ? [rivalsOf(row)] : []),
    ];
  });
  return table(heads, lines);
}

export function verdictOf({ target }: Row): string {
  if (target === undefined) return '';
  if (target.notShown !== undefined) return `**falls short**: ${target.notShown}`;
  return isReached(target) ? 'reached' : '**falls short**';
}

function rivalsOf({ rivals = [], unit }: Row): string {
  return rivals
    .map(({ name, value, ratio }) => `${amount(value.median, unit)}: ${name}, ${times(ratio.median)} ours`)
    .join('<br>');
}

function lanesTable(lanes: SectionResult['lanes']): string {
  if (Object.keys(lanes).length === 0) return '';
  const heads = ['Per request', 'Server CPU', 'Main thread', 'PostgreSQL CPU', 'Redis CPU', 'A second', 'p50', 'p99'];
  const lines = Object.entries(lanes).map(([name, { cost, main, postgres, redis, rate, p50, p99 }]) => [
    name,
    spread(cost, 'µs'),
    amount(main.median, 'µs'),
    amount(postgres.median, 'µs'),
    amount(redis.median, 'µs'),
    amount(rate.median, ''),
    amount(p50.median, 'ms'),
    amount(p99.median, 'ms'),
  ]);
  return table(heads, lines);
}

export function machineText({ processor, cores, memoryGB, kernel, node, postgres, redis }: Machine): string {
  return `${processor}, ${cores} cores, ${memoryGB} GB; ${kernel}; Node ${node}, PostgreSQL ${postgres}, Redis ${redis}.`;
}

/** Every target of every section, one line each. */
export function summaryText(sections: readonly SectionResult[]): string {
  const rows = sections.flatMap(({ rows }) => rows).filter(({ target }) => target !== undefined);
  const lines = rows.map((row) => [
    row.path,
    amount(row.ours.median, row.unit),
    row.ratio === undefined ? '' : times(row.ratio.median),
    row.target?.text ?? '',
    verdictOf(row),
  ]);
  return table(['', 'Measured', 'By the limit', 'Target', ''], lines);
}

function table(heads: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map((_, index) => (index === 0 ? '---' : '---:'))), ...lines.map(line)].join('\n');
}
