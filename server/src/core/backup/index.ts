/**
 * Whether backups can be restored: what a restored database is looked at for, and the record of when that last went
 * well. Making and restoring backups is PostgreSQL's own programs' business (deploy/backup-db.sh, restore-db.sh).
 */
export { type Check, check } from './check.ts';
export { examine } from './examine.ts';
export { type Manifest, parseManifest } from './manifest.ts';
export { isSameDatabase, recordProof } from './record.ts';
export { lastProvenAt, newestSession, type RestoreProof, readProofs } from './store.ts';
