import { someEmail, type TestUser } from '../../kit.ts';
import { param, signInAt } from '../../providers/browser.ts';
import type { Providers } from '../../providers/kit.ts';

/** Who a provider says has come. */
export const person = (sub: string, email: unknown, email_verified: unknown = true) => ({
  claims: { sub, email, email_verified },
});

/** A sign-in at beta, which has verified the address and does not give it out. */
export async function refusedLink({ server, beta }: Providers, owner: TestUser, query: Record<string, string> = {}) {
  const sub = someEmail('sub');
  beta.be(person(sub, owner.email));
  const answer = await signInAt(server, 'beta', query);
  return { ...answer, sub, linkToken: answer.body?.link_token ?? param(answer, 'link_token') };
}
