import { Type } from 'typebox';
import { Id, Time } from '../../platform/http/shapes.ts';
import { listOf, Page, RoleName } from './schema.ts';

const strict = { additionalProperties: false };
const nullable = <T extends Parameters<typeof Type.Array>[0]>(one: T) => Type.Union([one, Type.Null()]);
const Count = Type.Integer({ minimum: 0 });

export const RoleView = Type.Object(
  {
    name: Type.String({ examples: ['support'] }),
    description: Type.String({ examples: ['Answers tickets.'] }),
    permissions: Type.Array(Type.String()),
    built_in: Type.Boolean(),
    version: Type.Integer({ description: 'The ETag.', examples: [1_795_000_000_000] }),
    created_at: Time,
    updated_at: Time,
  },
  { $id: 'Role' },
);
export const RoleParams = Type.Object({ name: RoleName }, strict);
export const RoleAnswers = { 200: RoleView };
export const RoleCreatedAnswers = { 201: RoleView };
export const RolesAnswers = { 200: listOf(RoleView, 'By name.') };
const Description = Type.String({
  maxLength: 500,
  pattern: '^[^\\u0000-\\u001f\\u007f]*$',
  examples: ['Answers tickets.'],
});
const Permissions = Type.Array(Type.String({ maxLength: 64 }), {
  maxItems: 100,
  examples: [['users:read', 'users:write']],
});
export const CreateRoleBody = Type.Object(
  { name: RoleName, description: Type.Optional(Description), permissions: Permissions },
  strict,
);
export const ChangeRoleBody = Type.Object(
  { description: Type.Optional(Description), permissions: Type.Optional(Permissions) },
  { ...strict, minProperties: 1 },
);
export const PermissionsAnswers = {
  200: Type.Object({ data: Type.Array(Type.Object({ name: Type.String(), meaning: Type.String() })) }),
};

const Format = Type.Union([Type.Literal('ndjson'), Type.Literal('csv')]);
const Visible = Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$' });
export const AuditQuery = Type.Object(
  {
    user: Type.Optional(Id),
    actor: Type.Optional(Id),
    action: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'One action, or all of a noun: `session.*`.',
        examples: ['session.*'],
      }),
    ),
    outcome: Type.Optional(Type.Union([Type.Literal('success'), Type.Literal('failure'), Type.Literal('denied')])),
    address: Type.Optional(Visible),
    request_id: Type.Optional(Visible),
    from: Type.Optional(Type.String({ format: 'date-time', maxLength: 40 })),
    to: Type.Optional(Type.String({ format: 'date-time', maxLength: 40, description: 'Exclusive.' })),
    format: Type.Optional(Format),
    ...Page,
  },
  strict,
);
export const AuditLineView = Type.Object(
  {
    id: Id,
    seq: nullable(Type.Integer()),
    at: Time,
    action: Type.String({ examples: ['session.login'] }),
    outcome: Type.String({ examples: ['success'] }),
    actor: Type.Object({ type: Type.String({ examples: ['user'] }), id: nullable(Type.String()) }),
    subject: nullable(Type.String()),
    session: nullable(Type.String()),
    reason: nullable(Type.String()),
    request_id: nullable(Type.String()),
    address: nullable(Type.String()),
    user_agent: nullable(Type.String()),
    detail: nullable(Type.Record(Type.String(), Type.Unknown())),
    personal: nullable(Type.Record(Type.String(), Type.String())),
  },
  { $id: 'AuditLine' },
);
export const AuditAnswers = {
  200: listOf(AuditLineView, 'Newest first. With `format` the whole result as `application/x-ndjson` or `text/csv`.'),
};
const Place = Type.Object({ seq: Type.Integer(), hash: Type.String({ description: 'Hexadecimal.' }) });
export const VerifyAnswers = {
  200: Type.Object(
    {
      ok: Type.Boolean(),
      lines: Count,
      erased: Count,
      unsealed: Count,
      head: Place,
      fault_count: Count,
      faults: Type.Array(
        Type.Object({
          kind: Type.String(),
          seq: nullable(Type.Integer()),
          id: nullable(Type.String()),
          detail: Type.String(),
        }),
      ),
    },
    { description: 'What the whole chain came to.' },
  ),
};

export const KeyView = Type.Object(
  {
    kid: Type.String(),
    alg: Type.String({ examples: ['EdDSA'] }),
    status: Type.Union([
      Type.Literal('next'),
      Type.Literal('active'),
      Type.Literal('retired'),
      Type.Literal('revoked'),
    ]),
    managed: Type.Boolean({ description: 'False: given by the configuration.' }),
    created_at: nullable(Time),
    active_from: nullable(Time),
    retired_at: nullable(Time),
    revoked_at: nullable(Time),
  },
  { $id: 'SigningKey' },
);
export const KeysAnswers = { 200: Type.Object({ data: Type.Array(KeyView) }) };
export const RotateBody = Type.Union([
  Type.Null(),
  Type.Object({ immediately: Type.Optional(Type.Boolean({ default: false })) }, strict),
]);
export const RotateAnswers = { 201: Type.Object({ kid: Type.String() }) };
export const KidParams = Type.Object({ kid: Type.String({ pattern: '^[A-Za-z0-9_-]{1,100}$' }) }, strict);

export const SubjectQuery = Type.Object(
  {
    subject: Type.String({
      minLength: 1,
      maxLength: 254,
      pattern: '^[^\\u0000-\\u001f\\u007f]+$',
      examples: ['ada@example.com'],
      description: 'A user’s id, an e-mail address or a network address.',
    }),
  },
  strict,
);
export const LimitsAnswers = {
  200: Type.Object({
    subject: Type.Object({
      kind: Type.Union([Type.Literal('account'), Type.Literal('address')]),
      key: Type.String({ examples: ['ada@example.com'] }),
      user_id: nullable(Type.String()),
    }),
    limits: Type.Array(
      Type.Object({
        policy: Type.String({ examples: ['account'] }),
        limit: Count,
        window_seconds: Count,
        used: Count,
        blocked: Type.Boolean(),
        retry_after: nullable(Count),
        explanation: Type.String(),
      }),
    ),
  }),
};
export const ClientIpAnswers = {
  200: Type.Object({
    address: Type.String(),
    limit_key: Type.String({ examples: ['203.0.113.7'] }),
    peer: Type.String({ examples: ['10.0.0.2'] }),
    peer_is_trusted: Type.Boolean(),
    forwarded_for: nullable(Type.String()),
    trusted_proxies: Type.Array(Type.String()),
    explanation: Type.String(),
  }),
};

const Activity = Type.Object({ start: Time, sign_ins: Count, failures: Count });
export const StatsAnswers = {
  200: Type.Object({
    at: Time,
    users: Type.Object({
      total: Count,
      verified: Count,
      disabled: Count,
      without_password: Count,
      exact: Type.Boolean({ description: 'False: estimated from a sample of a large table.' }),
      new_per_day: Type.Array(Type.Object({ day: Type.String({ examples: ['2026-11-23'] }), count: Count })),
    }),
    sessions: Type.Object({ live: Count, exact: Type.Boolean() }),
    locked: Type.Integer({ minimum: 0, description: 'Accounts and devices that have used up their attempts.' }),
    sign_ins: Type.Object({
      per_hour: Type.Array(Activity),
      per_day: Type.Array(Activity),
      counted_up_to: Type.Integer({ description: 'A span with this many is that many or more.' }),
    }),
    mail: Type.Object({ waiting: Count, oldest_at: nullable(Time), failed: Count }),
    keys: Type.Array(KeyView),
    audit: Type.Object({ seq: Count, sealed_at: nullable(Time), unsealed: Count }),
  }),
};

export const FormatQuery = Type.Object(
  {
    format: Type.Optional(Format),
    hashes: Type.Optional(Type.Boolean({ description: 'Password hashes too: takes every permission.' })),
  },
  strict,
);
export const ExportAnswers = {
  200: Type.String({ description: 'Whole lines, oldest user first: `application/x-ndjson` or `text/csv`.' }),
};
export const ImportQuery = Type.Object(
  {
    dry_run: Type.Optional(Type.Boolean({ description: 'Check every line and write nothing.' })),
    strict: Type.Optional(Type.Boolean({ description: 'One bad line, and nothing is imported.' })),
  },
  strict,
);
export const ImportBody = Type.Unknown({ description: 'Lines of `application/x-ndjson` or `text/csv`, up to 32 MiB.' });
export const ImportAnswers = {
  200: Type.Object(
    {
      imported: Count,
      skipped: Count,
      failed: Count,
      errors: Type.Array(Type.Object({ line: Count, field: Type.Optional(Type.String()), message: Type.String() })),
    },
    { description: 'What became of the lines. `errors` keeps the first thousand.' },
  ),
};
