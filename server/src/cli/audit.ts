import { group } from './command.ts';

export const audit = group(
  'Verify, search and export the audit log.',
  {
    verify: {
      summary: 'Find changed, missing, cut-off and unsealed lines.',
      load: async () => (await import('./audit/verify.ts')).verify,
    },
    search: { summary: 'Find lines.', load: async () => (await import('./audit/search.ts')).search },
    export: {
      summary: 'Export lines as NDJSON or CSV.',
      load: async () => (await import('./audit/search.ts')).exportCommand,
    },
  },
  {
    examples: [
      'auth-api audit verify --checkpoint-log=/var/log/auth-api.log',
      'auth-api audit search --action="session.*" --outcome=failure',
    ],
  },
);
