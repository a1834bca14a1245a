import { cookiesOf, headerOf } from '../answers.ts';
import { type Answer, CONNECTIONS, request, runLoad } from '../load.ts';
import { ACCOUNTS, type Place } from '../place.ts';
import { type Lane, loadLane } from '../rounds.ts';
import { PREFIX, SETTLE } from './ours.ts';

export const SOCIAL = 'GET /auth/callback/{provider}';

const STARTS_PER_SECOND = 1500;

interface Flow {
  readonly person: number;
  readonly bytes: Buffer;
}

/**
 * Coming back from a provider, as somebody who has been here before with this browser. The starts are made ahead and not
 * measured; the provider is a process of its own, and its share is not counted.
 */
export async function social(place: Place): Promise<Lane> {
  const { url, pid } = await place.ours();
  const devices = new Map<number, string>();
  return loadLane(SOCIAL, { subject: pid, stores: place.stores, settle: SETTLE }, async (seconds) => {
    const flows = await prepare(url, Math.ceil((seconds * STARTS_PER_SECOND) / CONNECTIONS), devices);
    const current: (Flow | undefined)[] = [];
    return {
      url,
      next(connection) {
        current[connection] = flows[connection]?.shift();
        return current[connection]?.bytes ?? null;
      },
      check(answer, connection) {
        const device = deviceOf(answer);
        if (device !== undefined) devices.set(current[connection]?.person as number, device);
        return isArrived(answer) ? null : `unexpected answer ${answer.status}`;
      },
    };
  });
}

/** So many starts for each connection, each by the next person of that connection. */
async function prepare(url: string, each: number, devices: Map<number, string>): Promise<Flow[][]> {
  const flows: Flow[][] = Array.from({ length: CONNECTIONS }, () => []);
  const bytes = request(url, { path: `${PREFIX}/oauth/bench/start?return_to=/account` });
  await runLoad({
    url,
    seconds: Number.POSITIVE_INFINITY,
    next: (connection) => ((flows[connection]?.length ?? each) < each ? bytes : null),
    check(answer, connection) {
      if (answer.status !== 302) return `unexpected answer ${answer.status}`;
      const own = flows[connection] as Flow[];
      const person = connection + CONNECTIONS * (own.length % (ACCOUNTS / CONNECTIONS));
      own.push({ person, bytes: comeBack(url, answer, person, devices.get(person)) });
      return null;
    },
  });
  return flows;
}

/** What the browser sends when the provider has let it go: the issuer of the bench reads who it is out of the code. */
function comeBack(url: string, started: Answer, person: number, device: string | undefined): Buffer {
  const asked = new URL(headerOf(started.head, 'location') ?? '').searchParams;
  const callback = new URL(asked.get('redirect_uri') ?? '');
  const code = `${asked.get('nonce')}.person-${person}`;
  const query = new URLSearchParams({ code, state: asked.get('state') ?? '' });
  const cookies = [cookiesOf(started), ...(device === undefined ? [] : [device])].join('; ');
  return request(url, { path: `${callback.pathname}?${query}`, headers: { cookie: cookies } });
}

/** On the page that was asked for, signed in; what goes wrong is told in the query. */
function isArrived({ status, head }: Answer): boolean {
  return status === 302 && headerOf(head, 'location')?.endsWith('/account') === true;
}

function deviceOf(answer: Answer): string | undefined {
  return cookiesOf(answer)
    .split('; ')
    .find((cookie) => /^(__Host-)?device=/.test(cookie));
}
