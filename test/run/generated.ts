/**
 * Files that are written by a program and kept in version control: the command, run by Node from the root, prints what
 * the file must hold.
 */
export const GENERATED: readonly (readonly [command: readonly string[], file: string])[] = [
  [['test/run/reference-docs.ts', 'configuration'], 'docs/reference/configuration.md'],
  [['test/run/reference-docs.ts', 'errors'], 'docs/reference/errors.md'],
  [['test/run/reference-docs.ts', 'audit-events'], 'docs/reference/audit-events.md'],
  [['test/run/reference-docs.ts', 'env-example'], '.env.example'],
  [['server/src/cli/main.ts', 'openapi'], 'server/openapi.json'],
];
