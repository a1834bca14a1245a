/**
 * Users in and out, many at a time: NDJSON and CSV, line by line, so that neither side ever holds them all. It owns no
 * table; what a user is stays core/users' business, and what a hash may be core/passwords'.
 */
export { type ExportOptions, exportUsers } from './export.ts';
export type { FirebaseParameters } from './foreign.ts';
export {
  type ImportDeps,
  type ImportOptions,
  type ImportProgress,
  type ImportResult,
  importUsers,
  type LineFault,
} from './import.ts';
