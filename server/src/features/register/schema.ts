import { Type } from 'typebox';
import { SignInAnswer, SignInFields } from '../../core/signin/index.ts';
import { Email, Name, NewPassword } from '../../platform/http/shapes.ts';

export const RegisterBody = Type.Object(
  { email: Email, password: NewPassword, name: Type.Optional(Name), ...SignInFields },
  { additionalProperties: false },
);

export const VerificationSent = Type.Object({ status: Type.Literal('verification_sent') });

export const RegisterAnswers = { 201: SignInAnswer, 202: VerificationSent };
