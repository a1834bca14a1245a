/** The import rules of the house. What imports cannot tell (SQL, the clock, the environment) is in test/run/house-rules.ts. */

const src = 'server/src';
const test = '(\\.test|/test-kit)\\.ts$';

/** One outside package, one room. Test files may use a package from any room: they drive it from outside. */
const rooms = {
  '@electric-sql/pglite': ['platform/db/'],
  pg: ['platform/db/'],
  redis: ['platform/cache/'],
  nodemailer: ['platform/mail/'],
  '@aws-sdk/client-sesv2': ['platform/mail/'],
  '@aws-sdk/client-secrets-manager': ['platform/secrets/', 'config/'],
  '@node-rs/argon2': ['core/passwords/'],
  '@node-rs/bcrypt': ['core/passwords/'],
  '@openfeature/server-sdk': ['core/flags/'],
  '@openfeature/core': ['core/flags/'],
  'oidc-provider': ['oidc/'],
  'openid-client': ['core/providers/'],
  qrcode: ['core/enrolment/'],
  '@simplewebauthn/server': ['core/passkeys/'],
  pino: ['platform/log'],
  'prom-client': ['platform/metrics'],
  citty: ['cli/'],
};

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    rule(
      '1-lib-is-pure',
      'lib imports nothing of ours',
      { path: `^${src}/lib/`, pathNot: test },
      { path: `^${src}/`, pathNot: `^${src}/lib/` },
    ),
    rule(
      '1-config-stands-alone',
      'config imports lib, and platform/secrets for references to secrets, and nothing else of ours',
      { path: `^${src}/config/`, pathNot: test },
      { path: `^${src}/`, pathNot: `^${src}/(config|lib|platform/secrets)/` },
    ),
    rule(
      '2-platform-is-ground',
      'platform imports platform, lib and config only',
      { path: `^${src}/platform/`, pathNot: test },
      { path: `^${src}/`, pathNot: `^${src}/(platform|lib|config)/` },
    ),
    ...Object.entries(rooms).map(([name, places]) =>
      rule(
        `2-one-room-for-${name}`,
        `${name} is imported in ${places.join(', ')} only`,
        { path: `^${src}/`, pathNot: [test, ...places.map((place) => `^${src}/${place}`)] },
        { path: `^node_modules/(@types/)?${name}/` },
      ),
    ),
    rule(
      '3-core-imports-down',
      'core imports core, platform, lib, and the types of config',
      { path: `^${src}/core/`, pathNot: test },
      { path: `^${src}/`, pathNot: `^${src}/(core|platform|lib|config)/` },
    ),
    rule(
      '3-core-through-its-door',
      'core/x imports core/y through its index.ts',
      { path: `^${src}/core/([^/]+)/`, pathNot: test },
      { path: `^${src}/core/[^/]+/`, pathNot: [`^${src}/core/$1/`, `^${src}/core/[^/]+/index\\.ts$`] },
    ),
    rule(
      '4-features-import-down',
      'a feature imports core, platform, lib, config and features/feature.ts',
      { path: `^${src}/features/([^/]+)/`, pathNot: test },
      {
        path: `^${src}/`,
        pathNot: [`^${src}/(core|platform|lib|config)/`, `^${src}/features/feature\\.ts$`, `^${src}/features/$1/`],
      },
    ),
    rule(
      '4-core-through-its-door',
      'everything outside core imports core/x through its index.ts',
      { path: `^${src}/(features|oidc|cli|app\\.ts)`, pathNot: test },
      { path: `^${src}/core/[^/]+/`, pathNot: `^${src}/core/[^/]+/index\\.ts$` },
    ),
    rule(
      '5-oidc-imports-down',
      'oidc imports core, platform, lib, config',
      { path: `^${src}/oidc/`, pathNot: test },
      { path: `^${src}/`, pathNot: [`^${src}/(oidc|core|platform|lib|config)/`, `^${src}/features/feature\\.ts$`] },
    ),
    rule(
      '6-app-is-the-top',
      'only cli and tests import app.ts',
      { path: `^${src}/`, pathNot: [test, `^${src}/cli/`] },
      { path: `^${src}/app\\.ts$` },
    ),
    rule(
      '6-cli-is-a-door',
      'nothing imports cli but cli and tests',
      { path: `^${src}/`, pathNot: [test, `^${src}/cli/`] },
      { path: `^${src}/cli/` },
    ),
    rule(
      '7-fastify-in-few-places',
      'Fastify is imported in routes.ts, x-routes.ts, schema.ts, features/admin, oidc, platform/http, features/feature.ts and app.ts only',
      {
        path: `^${src}/`,
        pathNot: [
          test,
          '[/-]routes\\.ts$',
          `^${src}/features/admin/`,
          `/schema\\.ts$`,
          `^${src}/(oidc|platform/http)/`,
          `^${src}/features/feature\\.ts$`,
          `^${src}/app\\.ts$`,
        ],
      },
      { path: '^node_modules/(fastify|@fastify)/' },
    ),
    rule(
      '10-no-circles',
      'no circles',
      { path: '^(server|test)/' },
      { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    ),
    rule(
      '10-no-test-from-source',
      'source imports no test and no test kit',
      { path: `^${src}/`, pathNot: test },
      { path: ['\\.test\\.ts$', '^test/', '^server/test/'] },
    ),
    rule('found', 'every import leads somewhere', {}, { couldNotResolve: true }),
    rule(
      'declared',
      'source imports what server/package.json names under dependencies',
      { path: `^${src}/`, pathNot: test },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
