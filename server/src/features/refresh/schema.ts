import { Type } from 'typebox';
import { SignedInView } from '../../core/signin/index.ts';

export const RefreshBody = Type.Object(
  { refresh_token: Type.String({ minLength: 1, maxLength: 512 }) },
  { additionalProperties: false },
);
export const RefreshAnswers = { 200: SignedInView };
