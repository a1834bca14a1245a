import { Type } from 'typebox';
import { Email, OneTimeToken } from '../../platform/http/shapes.ts';

export const VerifyBody = Type.Object({ token: OneTimeToken }, { additionalProperties: false });
export const VerifyAnswers = { 200: Type.Object({ status: Type.Literal('verified') }) };
export const ResendBody = Type.Object({ email: Email }, { additionalProperties: false });
export const ResendAnswers = { 202: Type.Object({ status: Type.Literal('verification_sent') }) };
