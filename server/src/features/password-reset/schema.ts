import { Type } from 'typebox';
import { Email, NewPassword, OneTimeToken } from '../../platform/http/shapes.ts';

export const ForgotBody = Type.Object({ email: Email }, { additionalProperties: false });
export const ForgotAnswers = { 202: Type.Object({ status: Type.Literal('reset_sent') }) };
export const ResetBody = Type.Object({ token: OneTimeToken, password: NewPassword }, { additionalProperties: false });
export const ResetAnswers = { 204: Type.Null({ description: 'Done. Every session of the user has ended.' }) };
