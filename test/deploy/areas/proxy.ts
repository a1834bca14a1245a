import assert from 'node:assert/strict';
import { edgeRows } from '../proxy/edge-rows.ts';
import { limitRows } from '../proxy/limit-rows.ts';
import { apache, nginx, type ReverseProxy } from '../proxy/reverse-proxy.ts';
import { tlsRows } from '../proxy/tls-rows.ts';
import { upstreamRows } from '../proxy/upstream-rows.ts';
import type { Area, Row } from '../row.ts';
import { stack } from '../stack.ts';

const behaviour = (proxy: ReverseProxy): Row[] => [
  ...tlsRows(proxy),
  ...edgeRows(proxy),
  ...upstreamRows(proxy),
  ...limitRows(proxy),
];

/** nginx and Apache, by the same rows; each stands in front of the same servers at the same address. */
export const proxy: Area = {
  name: 'proxy',
  title: 'The reverse proxies',
  needs: ['stack', 'images:debian'],
  rows: [
    {
      name: 'nginx finds nothing to complain about in its configuration',
      async run() {
        const { stderr } = await (await stack()).compose('exec -T nginx nginx -t');
        assert.match(stderr, /syntax is ok/);
        assert.doesNotMatch(stderr, /warn|emerg/);
      },
    },
    ...behaviour(nginx),
    {
      name: 'apache is built, finds its configuration right, and takes nginx’s place',
      timeout: 400,
      async run(t) {
        const at = await stack();
        await at.compose('-f docker-compose.apache.yml build -q apache', { seconds: 300 });
        await nginx.stop(at);
        await apache.start(at);
        const started = performance.now();
        const { stderr } = await at.compose('-f docker-compose.apache.yml exec -T apache start-apache -t');
        assert.match(stderr, /Syntax OK/);
        t.figure('check, s', ((performance.now() - started) / 1000).toFixed(1));
        const { stdout } = await at.compose(
          '-f docker-compose.apache.yml exec -T apache grep -E "^(Uid|CapEff|CapBnd)" /proc/1/status',
        );
        assert.match(stdout, /Uid:\s+101\b/);
        assert.equal(stdout.match(/Cap(Eff|Bnd):\s+0{16}$/gm)?.length, 2);
      },
    },
    ...behaviour(apache),
    {
      name: 'nginx takes its place back',
      async run() {
        const at = await stack();
        await apache.stop(at);
        await nginx.start(at);
        await at.compose('exec -T app node /app/server/bin/auth-api.mjs health --ready');
      },
    },
  ],
};
