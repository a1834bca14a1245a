import type { Answer, TestServer } from '../../kit.ts';

/** A sign-in by mail as an app would do it, on one server. */
export function byMail(server: TestServer) {
  const flowCookie = (answer: Answer): string =>
    answer.headers
      .getSetCookie()
      .map((line) => line.split(';')[0] as string)
      .find((one) => one.startsWith('magic-link=')) ?? '';
  return {
    flowCookie,
    askLink: (email: string, more: object = {}, cookie?: string) =>
      server.post('/auth/magic-link', { email, ...more }, cookie === undefined ? {} : { cookie }),
    useLink: (body: object, cookie?: string) =>
      server.post('/auth/magic-link/verify', body, cookie === undefined ? {} : { cookie }),
    showCode: (token: string) => server.post('/auth/magic-link/code', { token }),
    askCode: (email: string, more: object = {}) => server.post('/auth/otp', { email, ...more }),
    useCode: (body: object) => server.post('/auth/otp/verify', body),
    /** A link that was asked for: its flow, and its token from the mail. */
    async link(email: string, more: object = {}): Promise<{ flow: string; token: string; cookie: string }> {
      const asked = await server.post('/auth/magic-link', { email, ...more });
      return { flow: asked.body.flow, token: await server.linkToken(email, '/magic-link'), cookie: flowCookie(asked) };
    },
    /** A code that was asked for. */
    async code(email: string, more: object = {}): Promise<{ flow: string; code: string }> {
      const { body } = await server.post('/auth/otp', { email, ...more });
      const [mail] = (await server.mails(email)).filter((one) => one.subject === 'Your sign-in code');
      return { flow: body.flow, code: /Your code: (\d{6})/.exec(mail?.text ?? '')?.[1] as string };
    },
  };
}

/** Another code of six digits than this one. */
export function otherCode(code: string): string {
  return String((Number(code) + 1) % 1_000_000).padStart(6, '0');
}
