/** People at work: they sign in, refresh and sign out, and every one of these writes rows and audit lines. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CANARY } from './place.ts';

export interface Writers {
  /** Answers so far; a wrong one ends the writing and is thrown by `stop`. */
  done(): number;
  stop(): Promise<number>;
}

export function startWriters(api: string, people = 2): Writers {
  let answered = 0;
  let isOver = false;
  const call = async (path: string, body: object, bearer?: string): Promise<Record<string, string>> => {
    const answer = await fetch(`${api}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }) },
      body: JSON.stringify(body),
    });
    if (answer.status >= 300) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`);
    answered++;
    return answer.status === 204 ? {} : ((await answer.json()) as Record<string, string>);
  };
  const person = async (): Promise<void> => {
    while (!isOver) {
      let signedIn = await call('/auth/login', CANARY);
      for (let times = 0; times < 10 && !isOver; times++) {
        signedIn = await call('/auth/refresh', { refresh_token: signedIn.refresh_token });
        await sleep(20);
      }
      await call('/auth/logout', {}, signedIn.access_token);
    }
  };
  const all = Promise.all(Array.from({ length: people }, person));
  all.catch(() => undefined);
  return {
    done: () => answered,
    async stop() {
      isOver = true;
      await all;
      return answered;
    },
  };
}

export async function signIn(api: string): Promise<{ status: number; token: string }> {
  const answer = await fetch(`${api}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(CANARY),
  });
  const { access_token: token = '' } = (await answer.json()) as { access_token?: string };
  return { status: answer.status, token };
}

export async function statusOfMe(api: string, token: string): Promise<number> {
  return (await fetch(`${api}/me`, { headers: { authorization: `Bearer ${token}` } })).status;
}
