/**
 * The servers under PM2: pm2 start deploy/pm2/ecosystem.config.cjs --env production
 * Each is a process of its own on a port of its own (3000, 3001, …), behind nginx or Apache. They are no cluster of
 * PM2's: a cluster's master would have to forward every connection, and a reload could not wait for one to drain.
 */
const { cpus } = require('node:os');
const { join } = require('node:path');

const root = join(__dirname, '../..');
const instances = Number(process.env.AUTH_API_INSTANCES ?? Math.max(1, Math.min(4, cpus().length)));
const firstPort = Number(process.env.PORT ?? 3000);
const firstMetricsPort = Number(process.env.METRICS_PORT ?? 9464);

module.exports = {
  apps: Array.from({ length: instances }, (_, index) => ({
    name: `auth-api-${index + 1}`,
    script: join(root, 'server/bin/auth-api.mjs'),
    args: 'serve',
    cwd: root,
    exec_mode: 'fork',
    // Longer than SHUTDOWN_GRACE: PM2 kills nothing that is still draining.
    kill_timeout: 30_000,
    max_memory_restart: '1G',
    // Started again after a crash; with settings that are wrong (78) not at all. No delay is set, because PM2 would then
    // show such a server as waiting for a restart that never comes.
    min_uptime: '2s',
    max_restarts: 10,
    stop_exit_codes: [0, 64, 78],
    merge_logs: true,
    time: false,
    env: { PORT: String(firstPort + index), METRICS_PORT: String(firstMetricsPort + index), SHUTDOWN_GRACE: '20s' },
    env_production: { NODE_ENV: 'production' },
  })),
};
