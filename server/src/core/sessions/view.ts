import { Type } from 'typebox';
import { Time } from '../../platform/http/shapes.ts';
import type { SessionListRow } from './store.ts';

/** A session in answers, whoever asks for it. */
export const SessionFields = {
  kind: Type.Union([Type.Literal('token'), Type.Literal('cookie')]),
  address: Type.String(),
  user_agent: Type.String(),
  amr: Type.Array(Type.String()),
  created_at: Time,
  last_seen_at: Time,
  authenticated_at: Time,
  expires_at: Time,
};

type Moment = 'created_at' | 'last_seen_at' | 'authenticated_at' | 'expires_at';

export function sessionView(row: SessionListRow): Omit<SessionListRow, Moment> & Record<Moment, string> {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    last_seen_at: row.last_seen_at.toISOString(),
    authenticated_at: row.authenticated_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
  };
}
