import type { Spread } from '../rounds.ts';
import type { Row } from '../section.ts';

type Unit = Row['unit'];

/** Three significant digits, and the unit in which a reader would say it. */
export function amount(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '–';
  if (unit === 'µs' && value >= 1000) return `${digits(value / 1000)} ms`;
  if (unit === 'ms' && value >= 1000) return `${digits(value / 1000)} s`;
  return unit === '' ? digits(value) : `${digits(value)} ${unit}`;
}

/** The median, and in brackets between what the rounds lay. */
export function spread({ median, min, max }: Spread, unit: Unit): string {
  if (min === max) return amount(median, unit);
  const scale = unit === 'µs' && median >= 1000 ? 1000 : 1;
  return `${amount(median, unit)} (${digits(min / scale)}–${digits(max / scale)})`;
}

export function times(value: number): string {
  return `${digits(value)} ×`;
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ',');
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}
