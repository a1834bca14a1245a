import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** Rules that imports cannot tell, each with its reason; `in` and `except` are tested against the path. */
interface Rule {
  readonly in: RegExp;
  readonly except?: RegExp;
  readonly pattern: RegExp;
  readonly reason: string;
  /** Text in quotes is looked at as well: SQL stands in strings. */
  readonly inStrings?: true;
}

const SOURCE = /^server\/src\//;
const TEST = /\.test\.ts$/;
const LONGEST_FILE = 300;

const RULES: readonly Rule[] = [
  {
    in: SOURCE,
    except: /\.test\.ts$|\/test-kit\.ts$|^server\/src\/platform\/clock\.ts$|^server\/src\/cli\//,
    pattern: /\bDate\.now\(|\bnew Date\(\s*\)/,
    reason: 'time comes from Clock, so that tests can move it',
  },
  {
    in: SOURCE,
    pattern: /\bMath\.random\(/,
    reason: 'randomness comes from lib/random.ts or node:crypto: Math.random can be guessed',
  },
  {
    in: SOURCE,
    except: /\.test\.ts$|\/test-kit\.ts$|^server\/src\/config\//,
    pattern: /\bprocess\.env\b/,
    reason: 'only config/ reads the environment: a setting read elsewhere is neither validated nor documented',
  },
  {
    in: SOURCE,
    except: /\.test\.ts$|\/test-kit\.ts$|[/-]store\.ts$|^server\/src\/platform\/db\/|^server\/src\/oidc\/adapter\.ts$/,
    pattern:
      /(?:^|['"`])\s*(?:SELECT\s|(?:INSERT|insert)\s+(?:INTO|into)\s|(?:UPDATE|update)\s+[.\w]+\s+(?:SET|set)\s|(?:DELETE|delete)\s+(?:FROM|from)\s|WITH\s+\w+\s+AS\s)/,
    reason: 'SQL stands only in store.ts (or x-store.ts) and platform/db',
    inStrings: true,
  },
  {
    in: TEST,
    pattern: /\b(?:test|it|describe|suite|t|context)\.(?:only|skip|todo)\b|\b(?:only|skip|todo):\s*(?:true|['"`])/,
    reason: 'a test either runs or is deleted',
  },
  {
    in: /./,
    except: /^test\/run\//,
    pattern: new RegExp(`\\b(?:${['TO', 'FIX'].map((half, index) => half + ['DO', 'ME'][index]).join('|')}|XXX)\\b`),
    reason: 'what is to be done is an issue, not a mark in the code',
    inStrings: true,
  },
];

export function checkHouseRules(root: string): string[] {
  const files = ['server/src', 'server/test', 'test', 'deploy', 'runtime'].flatMap((folder) =>
    sourceFiles(join(root, folder)),
  );
  return files.flatMap((path) => faultsOf(relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8')));
}

/** Every fault of one file, as `path:line: reason`. */
export function faultsOf(file: string, text: string): string[] {
  const lines = text.split('\n');
  const code = withoutComments(text).split('\n');
  const faults = RULES.filter((rule) => rule.in.test(file) && !rule.except?.test(file)).flatMap((rule) =>
    code.flatMap((line, index) =>
      rule.pattern.test(rule.inStrings ? (lines[index] ?? '') : line) && !(rule.inStrings && isComment(rule, line))
        ? [`${file}:${index + 1}: ${rule.reason}`]
        : [],
    ),
  );
  const length = lines.length - 1;
  if (length > LONGEST_FILE && !TEST.test(file)) faults.push(`${file}: ${length} lines, ${LONGEST_FILE} are the most`);
  return faults;
}

/** For SQL a comment is no finding; for marks a comment is the very place. */
function isComment(rule: Rule, code: string): boolean {
  return rule.in === SOURCE && code.trim() === '';
}

/** The text with comments blanked, line numbers kept. Strings stay: a rule's pattern never fits inside a usual one. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g, (comment) => comment.replaceAll(/[^\n]/g, ' '));
}

function sourceFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return /\.(?:ts|mjs|cjs)$/.test(entry.name) ? [path] : [];
  });
}
