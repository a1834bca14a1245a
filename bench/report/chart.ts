import type { SectionResult } from '../section.ts';
import { amount } from './format.ts';

interface Bar {
  readonly kind: 'limit' | 'ours' | 'rival';
  readonly label: string;
  readonly value: number;
}

interface Group {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 860;
const LEFT = 24;
const LABELS = 300;
const RIGHT = 90;
const BAR = 16;
const STEP = 21;
const HEAD = 30;
const GAP = 14;
const TOP = 92;
const BOTTOM = 34;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .group { font-weight: 600; }
  .axis, .value { fill: #59636e; }
  .axis { font-size: 11px; }
  .line { stroke: #d1d9e0; stroke-width: 1; }
  .limit { fill: #818b98; }
  .ours { fill: #0969da; }
  .rival { fill: #bc4c00; }
  .paper { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .axis, .value { fill: #9198a1; }
    .line { stroke: #3d444d; }
    .limit { fill: #656c76; }
    .ours { fill: #4493f8; }
    .rival { fill: #db6d28; }
    .paper { fill: #0d1117; }
  }`;

/** Server CPU per request on a logarithmic axis: the limit, ours, the rival. */
export function drawChart({ rows }: SectionResult): string {
  const groups = rows.filter(({ unit }) => unit === 'µs').map(groupOf);
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value)).filter((value) => value > 0);
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const x = (value: number): number => LABELS + ((Math.log10(value) - low) / (high - low)) * (WIDTH - LABELS - RIGHT);
  const height = TOP + groups.reduce((sum, { bars }) => sum + HEAD + bars.length * STEP + GAP, 0) + BOTTOM;
  const decades = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description">`,
    '<title id="title">Server CPU per request</title>',
    `<desc id="description">${escaped(describe(groups))}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="paper" width="${WIDTH}" height="${height}" rx="8"/>`,
    `<text class="title" x="${LEFT}" y="34">Server CPU per request, logarithmic</text>`,
    legend(),
    ...decades.map((value) => gridLine(x(value), height, amount(value, 'µs'))),
    ...drawGroups(groups, x),
    '</svg>',
    '',
  ].join('\n');
}

function groupOf({ path, ours, limit, rivals = [] }: SectionResult['rows'][number]): Group {
  return {
    title: path,
    bars: [
      ...(limit === undefined ? [] : [{ kind: 'limit' as const, label: limit.name, value: limit.value.median }]),
      { kind: 'ours', label: 'auth-api', value: ours.median },
      ...rivals.map(({ name, value }) => ({ kind: 'rival' as const, label: name, value: value.median })),
    ],
  };
}

function drawGroups(groups: readonly Group[], x: (value: number) => number): string[] {
  let top = TOP;
  return groups.flatMap(({ title, bars }) => {
    const head = `<text class="group" x="${LEFT}" y="${top + 19}">${escaped(title)}</text>`;
    const drawn = bars.map((bar, index) => drawBar(bar, x, top + HEAD + index * STEP));
    top += HEAD + bars.length * STEP + GAP;
    return [head, ...drawn];
  });
}

function drawBar({ kind, label, value }: Bar, x: (value: number) => number, y: number): string {
  const end = x(value);
  const middle = y + BAR - 4;
  return [
    `<text class="axis" x="${LABELS - 8}" y="${middle}" text-anchor="end">${escaped(label)}</text>`,
    `<rect class="${kind}" x="${LABELS}" y="${y}" width="${(end - LABELS).toFixed(1)}" height="${BAR}" rx="2"/>`,
    `<text class="value" x="${(end + 6).toFixed(1)}" y="${middle}">${amount(value, 'µs')}</text>`,
  ].join('\n');
}

function gridLine(x: number, height: number, label: string): string {
  return [
    `<line class="line" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${TOP - 8}" y2="${height - BOTTOM}"/>`,
    `<text class="axis" x="${x.toFixed(1)}" y="${height - BOTTOM + 18}" text-anchor="middle">${label}</text>`,
  ].join('\n');
}

function legend(): string {
  const entries = [
    ['limit', 'the least that the same work costs'],
    ['ours', 'auth-api'],
    ['rival', 'a rival'],
  ] as const;
  const at = [LEFT, LEFT + 240, LEFT + 330];
  return entries
    .map(
      ([kind, label], index) =>
        `<rect class="${kind}" x="${at[index]}" y="52" width="12" height="12" rx="2"/><text x="${(at[index] ?? 0) + 18}" y="62">${label}</text>`,
    )
    .join('\n');
}

function describe(groups: readonly Group[]): string {
  return groups
    .map(
      ({ title, bars }) => `${title}: ${bars.map(({ label, value }) => `${label} ${amount(value, 'µs')}`).join(', ')}.`,
    )
    .join(' ');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
