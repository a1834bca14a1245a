import { group } from './command.ts';

/** Each in a file of its own, loaded when it is asked for. */
export const users = group(
  'Find, make, change, import and export accounts.',
  {
    list: { summary: 'List accounts, or find them.', load: async () => (await import('./users/list.ts')).list },
    show: { summary: 'Show one account.', load: async () => (await import('./users/list.ts')).show },
    create: { summary: 'Make an account.', load: async () => (await import('./users/create.ts')).create },
    disable: {
      summary: 'Disable an account and end its sessions.',
      load: async () => (await import('./users/change.ts')).disable,
    },
    enable: { summary: 'Enable a disabled account.', load: async () => (await import('./users/change.ts')).enable },
    unlock: {
      summary: 'Lift the lock-out after wrong passwords.',
      load: async () => (await import('./users/change.ts')).unlock,
    },
    'reset-mfa': {
      summary: 'Take all second factors from an account.',
      load: async () => (await import('./users/change.ts')).resetMfa,
    },
    delete: { summary: 'Delete an account for good.', load: async () => (await import('./users/change.ts')).remove },
    roles: {
      summary: 'Show or change the roles of an account.',
      load: async () => (await import('./users/roles.ts')).roles,
    },
    sessions: {
      summary: 'List the sessions of an account.',
      load: async () => (await import('./users/sessions.ts')).sessions,
    },
    revoke: { summary: 'End sessions of an account.', load: async () => (await import('./users/sessions.ts')).revoke },
    import: {
      summary: 'Import accounts from NDJSON or CSV.',
      load: async () => (await import('./users/import.ts')).importCommand,
    },
    export: {
      summary: 'Export accounts as NDJSON or CSV.',
      load: async () => (await import('./users/export.ts')).exportCommand,
    },
  },
  {
    about: 'Where an account is to be named, its address or its id does.',
    examples: [
      'auth-api users create --email=ada@example.com --admin',
      'auth-api users list --query=ada',
      'auth-api users import users.csv --dry-run',
    ],
  },
);
