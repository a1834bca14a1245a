import { isKnown } from './sources.ts';
import { type Name, table } from './table.ts';

/** Names that systems set for reasons of their own, though they look like settings of ours. */
const OTHERS = new Set(['SSL_CERT_FILE', 'SSL_CERT_DIR', 'HOSTNAME']);
const OURS = /^(JWT|RATE_LIMIT|SMTP)_/;

/** A warning for each variable that was surely meant to be a setting: what is misspelt is silently without effect. */
export function findTypos(strangers: readonly string[]): string[] {
  const warnings: string[] = [];
  for (const name of strangers) {
    if (OTHERS.has(name) || isKnown(name)) continue;
    const base = name.endsWith('_FILE') ? name.slice(0, -'_FILE'.length) : name;
    if (Object.hasOwn(table, base))
      warnings.push(`${name} has no effect: ${base} is not a secret and cannot be read from a file`);
    else {
      const near = nearest(name.toUpperCase()) ?? (base === name ? null : withFile(nearest(base.toUpperCase())));
      if (near) warnings.push(`${name} is not a setting and has no effect; did you mean ${near}?`);
      else if (OURS.test(name)) warnings.push(`${name} is not a setting and has no effect`);
    }
  }
  return warnings;
}

function withFile(name: Name | null): string | null {
  return name !== null && table[name].isSecret === true ? `${name}_FILE` : null;
}

function nearest(name: string): Name | null {
  let best: { readonly name: Name; readonly distance: number } | null = null;
  for (const known of Object.keys(table) as Name[]) {
    if (known.length < 6) continue;
    const distance = editDistance(name, known);
    const allowed = known.length < 9 ? 1 : 2;
    if (distance <= allowed && distance < (best?.distance ?? Number.POSITIVE_INFINITY))
      best = { name: known, distance };
  }
  return best?.name ?? null;
}

/** Insertions, deletions, replacements and swapped neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Number.POSITIVE_INFINITY;
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= a.length; row += 1) {
    const line = [row];
    rows.push(line);
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const cheapest = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (isSame ? 0 : 1),
      );
      line.push(isSwap ? Math.min(cheapest, at(row - 2, column - 2) + 1) : cheapest);
    }
  }
  return at(a.length, b.length);
}
