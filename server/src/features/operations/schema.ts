import { Type } from 'typebox';

export const Health = Type.Object({
  status: Type.Literal('ok'),
  version: Type.String({ examples: ['0.1.0'] }),
  uptime_s: Type.Integer({ description: 'Seconds since the start.', examples: [3600] }),
});

export const Ready = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('draining'), Type.Literal('unavailable')]),
  checks: Type.Object({
    database: Type.Object({
      status: Type.Union([Type.Literal('ok'), Type.Literal('down')]),
      latency_ms: Type.Integer({ examples: [2] }),
    }),
    cache: Type.Object({
      status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
      kind: Type.Union([Type.Literal('memory'), Type.Literal('redis')]),
      latency_ms: Type.Optional(Type.Integer({ examples: [1] })),
    }),
    migrations: Type.Object({
      status: Type.Union([Type.Literal('ok'), Type.Literal('pending'), Type.Literal('unknown')]),
      pending: Type.Array(Type.Integer()),
    }),
  }),
});

export const Jwks = Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.Unknown())) });
