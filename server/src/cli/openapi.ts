import type { Db } from '../platform/db/index.ts';
import { command } from './command.ts';
import { printJson } from './output.ts';
import { readConfigWithoutSecrets } from './start.ts';

export const openapi = command({
  summary: 'Print the contract of the API (OpenAPI 3.1, JSON).',
  about:
    'Made of the routes themselves, as a running server shows it under {API_PREFIX}/openapi.json. It takes no database.',
  examples: ['auth-api openapi > openapi.json'],
  args: {},
  async run() {
    const { config } = await readConfigWithoutSecrets();
    const [{ createApp, VERSION }, { buildOpenApi }, { createLog }] = await Promise.all([
      import('../app.ts'),
      import('../platform/http/openapi.ts'),
      import('../platform/log.ts'),
    ]);
    const { log } = createLog({ config: { ...config, LOG_LEVEL: 'silent', LOG_FILE: null } });
    // Never listens, so nothing of the work behind the routes starts.
    const { house } = await createApp(
      { ...config, MIGRATE_ON_START: false, redis: null, tls: null },
      { log, db: nowhere },
    );
    printJson(buildOpenApi(house.routes, config, VERSION));
  },
});

const refuse = async (): Promise<never> => {
  throw new Error('the contract is made without a database');
};

const nowhere: Db = {
  engine: 'postgres',
  query: refuse,
  execute: refuse,
  transaction: refuse,
  script: refuse,
  stats: () => ({ total: 0, idle: 0, waiting: 0 }),
  close: async () => undefined,
};
