import { Type } from 'typebox';
import { SessionFields } from '../../core/sessions/index.ts';
import { Id, Page, Time } from '../../platform/http/shapes.ts';

export const PageQuery = Type.Object(Page, { additionalProperties: false });
export const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) }, { additionalProperties: false });
export const NoContent = { 204: Type.Null({ description: 'Done.' }) };

export const SessionView = Type.Object(
  {
    id: Id,
    current: Type.Boolean({ description: 'The session that asks.' }),
    ...SessionFields,
  },
  { $id: 'Session' },
);

export const DeviceView = Type.Object(
  {
    id: Id,
    current: Type.Boolean(),
    user_agent: Type.String(),
    created_at: Time,
    last_used_at: Time,
    expires_at: Time,
    trusted_until: Type.Union([Time, Type.Null()], {
      description: 'Until then no second factor is asked for on it.',
    }),
  },
  { $id: 'Device' },
);

const listOf = <T extends Parameters<typeof Type.Array>[0]>(item: T) =>
  Type.Object({ data: Type.Array(item), next_cursor: Type.Union([Type.String(), Type.Null()]) });

export const SessionsAnswers = { 200: listOf(SessionView) };
export const DevicesAnswers = { 200: listOf(DeviceView) };
const Nullable = Type.Union([Type.String(), Type.Null()]);

export const ActivityView = Type.Object(
  {
    id: Id,
    at: Time,
    action: Type.String({ examples: ['session.login'], description: 'See docs/reference/audit-events.md.' }),
    outcome: Type.String({ examples: ['success'] }),
    by: Type.String({ examples: ['user'], description: '`user`, `admin`, `system` or `anonymous`.' }),
    session: Nullable,
    address: Nullable,
    user_agent: Nullable,
  },
  { $id: 'Activity', description: 'An audit line about this account.' },
);

export const ActivityAnswers = { 200: listOf(ActivityView) };
