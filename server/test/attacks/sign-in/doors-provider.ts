import { someEmail } from '../../kit.ts';
import { begin, codeFor, comeBack, cookieNameOf, returned, someVisitor } from './hub.ts';
import type { Door, Holder, World } from './purposes.ts';
import { ask, post } from './tools.ts';

/** Under the name that belongs to the value: what a browser keeps of another sign-in that is really under way. */
const bound = async ({ server }: World, value: string): Promise<string> =>
  `${cookieNameOf(value)}=${(await begin(server)).cookie.split('=')[1]}`;

async function stranger({ server }: World) {
  const begun = await begin(server, 'hub', { app: true });
  const code = returned(await comeBack(server, begun, codeFor(someVisitor(someEmail())))).get('code');
  return { code, code_verifier: begun.verifier };
}

async function linking({ server }: World, { email }: Holder) {
  const begun = await begin(server, 'elsewhere', { app: true });
  const link_token = returned(await comeBack(server, begun, codeFor(someVisitor(email)))).get('link_token');
  return { link_token, code_verifier: begun.verifier };
}

export const byProvider: Record<string, Door> = {
  'GET /auth/callback/:provider state': async (world, { value }) => {
    const query = new URLSearchParams({ state: value, code: codeFor(someVisitor(someEmail())) });
    return ask(world.server, 'GET', `/auth/callback/hub?${query}`, { cookie: await bound(world, value) });
  },
  'GET /auth/callback/:provider code': async ({ server }, { value }) => comeBack(server, await begin(server), value),
  'GET /auth/callback/:provider binding': async ({ server }, { value }) => {
    const begun = await begin(server);
    const cookie = `${begun.cookie.split('=')[0]}=${value}`;
    return comeBack(server, begun, codeFor(someVisitor(someEmail())), cookie);
  },
  'POST /auth/callback/:provider state': async (world, { value }) => {
    const form = { state: value, code: codeFor(someVisitor(someEmail())) };
    return ask(world.server, 'POST', '/auth/callback/hub', { form, cookie: await bound(world, value) });
  },
  'POST /auth/callback/:provider code': async ({ server }, { value }) => {
    const { state, cookie } = await begin(server);
    return ask(server, 'POST', '/auth/callback/hub', { form: { state, code: value }, cookie });
  },
  'POST /oauth/exchange code': async (world, { value }) =>
    post(world.server, '/oauth/exchange', { ...(await stranger(world)), code: value }),
  'POST /oauth/exchange code in the browser': async (world, { value }) =>
    post(world.server, '/oauth/exchange', { code: value }, { cookie: await bound(world, value) }),
  'POST /oauth/exchange code_verifier': async (world, { value }) =>
    post(world.server, '/oauth/exchange', { ...(await stranger(world)), code_verifier: value }),
  'POST /me/identities link_token': async (world, { value, holder }) => {
    const body = { ...(await linking(world, holder)), link_token: value };
    return post(world.server, '/me/identities', body, { bearer: holder.access });
  },
  'POST /me/identities code_verifier': async (world, { value, holder }) => {
    const body = { ...(await linking(world, holder)), code_verifier: value };
    return post(world.server, '/me/identities', body, { bearer: holder.access });
  },
};
