#!/usr/bin/env node
/**
 * The health check of a container: probe.mjs [--ready]. Exit code 0: well; 1: not, or no answer within three seconds.
 * It runs every few seconds beside the server, so it loads nothing but Node's own http and looks at the environment only:
 * a fifth of what `auth-api health` takes, which is for people and knows every source of settings.
 */
const { env } = process;
const isTls = Boolean(env.SSL_CERT_PATH);
const path = process.argv.includes('--ready') ? env.READY_CHECK_PATH || '/ready' : env.HEALTH_CHECK_PATH || '/health';
const { get } = await import(isTls ? 'node:https' : 'node:http');

const request = get(
  // Its certificate is for another name than this address.
  { host: '127.0.0.1', port: env.PORT || 3000, path, rejectUnauthorized: false, headers: { connection: 'close' } },
  ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1),
);
request.on('error', () => process.exit(1)).setTimeout(3000, () => process.exit(1));
