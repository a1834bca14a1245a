/** As much of Prometheus's query language as is needed to take an expression apart; it is parsed by Prometheus itself. */

const WORDS = new Set(['and', 'or', 'unless', 'by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'bool']);
const COMPARISON = /^(?:>=|<=|==|!=|>|<)/;
const SET_OPERATOR = /^(?:and|or|unless)\b/;

/**
 * The measured sides of an alert's expression, without what they are compared with. `a > 1 and b / c < 2` gives `a` and
 * `b / c`: what must return data at any time, or the alert could never fire.
 */
export function measured(expr: string): string[] {
  const sides: string[] = [];
  let [side, depth, isCompared] = ['', 0, false];
  for (let at = 0; at < expr.length; at++) {
    const rest = expr.slice(at);
    const text = /^"(?:[^"\\]|\\.)*"/.exec(rest)?.[0] ?? expr[at] ?? '';
    if (/^[([{]/.test(text)) depth++;
    if (/^[)\]}]/.test(text)) depth--;
    const isWordStart = depth === 0 && !/\w/.test(expr[at - 1] ?? ' ');
    const operator = isWordStart ? SET_OPERATOR.exec(rest)?.[0] : undefined;
    if (operator !== undefined) {
      sides.push(side.trim());
      [side, isCompared] = ['', false];
      at += operator.length - 1;
      continue;
    }
    if (depth === 0 && COMPARISON.test(rest)) isCompared = true;
    if (!isCompared) side += text;
    at += text.length - 1;
  }
  return [...sides, side.trim()];
}

export interface Selector {
  readonly metric: string;
  /** The names of the labels that are asked for. */
  readonly labels: readonly string[];
}

/** Every series that an expression names, and the labels that it selects or groups by. */
export function selectors(expr: string): Selector[] {
  const bare = expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').replaceAll(/\[[^\]]*\]/g, '');
  const grouped = [...bare.matchAll(/\b(?:by|without)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(','));
  const found: Selector[] = [];
  const text = bare.replaceAll(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, ' ');
  for (const [, metric = '', matchers] of text.matchAll(/([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|(?![\w:]|\s*\())/g)) {
    if (WORDS.has(metric) || /^\d/.test(metric)) continue;
    const labels = [...(matchers ?? '').matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label);
    found.push({ metric, labels: [...labels, ...grouped.map((label) => label.trim()).filter(Boolean)] });
  }
  return found;
}
