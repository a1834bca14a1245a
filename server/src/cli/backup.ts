import { group } from './command.ts';

export const backup = group(
  'Say when a restore was last proven, and prove one.',
  {
    verify: {
      summary: 'Say when a restore was last proven, of which backup, with what result.',
      load: async () => (await import('./backup/verify.ts')).verify,
    },
    prove: {
      summary: 'Examine a restored database, sign in to it, and record what came of it.',
      load: async () => (await import('./backup/prove.ts')).prove,
    },
  },
  {
    about:
      'Backups are made by deploy/backup-db.sh, restored by deploy/restore-db.sh and tried by deploy/restore-drill.sh.\nA backup of which no restore was ever proven is a hope.',
    examples: ['auth-api backup verify --max-age=35d'],
  },
);
