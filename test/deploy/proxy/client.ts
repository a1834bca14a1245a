import type { RowContext } from '../row.ts';
import { APP_IMAGE, type Stack } from '../stack.ts';

export interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const PROGRAM = `
const { request } = require('node:https');
(async () => {
  const statuses = [];
  for (const { method = 'GET', path, headers = {}, body } of JSON.parse(process.env.SENT))
    statuses.push(await new Promise((done, fail) => {
      const sent = request({ host: process.env.PROXY, port: 8443, servername: 'localhost', path, method, agent: false,
        rejectUnauthorized: false, headers: { host: 'localhost', ...headers } }, (answer) => done(answer.resume().statusCode));
      sent.on('error', fail).end(body);
    }));
  console.log(JSON.stringify(statuses));
})();
`;

/** Sends from an address of its own on the outer network, one after the other, and gives the statuses. */
export async function fromAddress(
  t: RowContext,
  stack: Stack,
  address: string,
  sent: readonly Sent[],
): Promise<number[]> {
  const project = stack.env.COMPOSE_PROJECT_NAME;
  const name = `${project}-client`;
  t.after(() => t.sh(`docker rm -f ${name}`, { ok: false }));
  const { stdout } = await t.sh(
    `docker run --rm --name ${name} --network ${project}_front --ip ${address} --read-only --cap-drop ALL \\
      -e SENT -e PROXY --entrypoint node ${APP_IMAGE} -e "$PROGRAM"`,
    { env: { PROGRAM, SENT: JSON.stringify(sent), PROXY: stack.env.PROXY_ADDRESS ?? '' } },
  );
  return JSON.parse(stdout);
}
