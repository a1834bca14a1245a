import type { RowContext } from '../row.ts';
import { APP_IMAGE, type Stack } from '../stack.ts';

/** A server that does what no good one does, in the place of the real ones. */
export interface Stub {
  readonly container: string;
  /** The requests that reached it, as `METHOD /path`. */
  requests(): Promise<string[]>;
  /** How many connections were made to it. */
  connections(): Promise<number>;
  remove(): Promise<void>;
}

/** answers; or reads the request and closes; or does not listen at all. */
export type Manner = 'answers' | 'closes' | 'deaf';

const PROGRAM = `
const server = require('node:http').createServer((request, response) => {
  request.resume().on('end', () => {
    console.log(request.method + ' ' + request.url);
    if (process.env.MANNER === 'closes') return request.socket.destroy();
    response.setHeader('x-stub', process.env.STUB).end('here');
  });
});
server.keepAliveTimeout = 75000;
server.on('connection', () => console.log('CONNECTION'));
if (process.env.MANNER === 'deaf') setInterval(() => 0, 1000);
else server.listen(3000, '0.0.0.0', () => console.log('LISTENING'));
process.on('SIGTERM', () => process.exit());
`;

let made = 0;

/** Joins the stack's outer network under `alias`, where others of the same alias may be too. */
export async function startStub(t: RowContext, stack: Stack, alias: string, manner: Manner = 'answers'): Promise<Stub> {
  const project = stack.env.COMPOSE_PROJECT_NAME;
  const container = `${project}-stub-${++made}`;
  const remove = async (): Promise<void> => void (await t.sh(`docker rm -f ${container}`, { ok: false }));
  t.after(remove);
  await t.sh(
    `docker run -d --name ${container} --network ${project}_front --network-alias ${alias} --label com.docker.compose.project=${project} \\
      --read-only --cap-drop ALL -e MANNER=${manner} -e STUB=${container} --entrypoint node ${APP_IMAGE} -e "$PROGRAM"`,
    { env: { PROGRAM } },
  );
  const lines = async (): Promise<string[]> => (await t.sh(`docker logs ${container}`)).stdout.trim().split('\n');
  if (manner !== 'deaf') await t.sh(`until docker logs ${container} | grep -q LISTENING; do sleep 0.2; done`);
  return {
    container,
    remove,
    requests: async () => (await lines()).filter((line) => / \//.test(line)),
    connections: async () => (await lines()).filter((line) => line === 'CONNECTION').length,
  };
}
