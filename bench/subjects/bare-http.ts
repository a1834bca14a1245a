/** The least that an HTTP answer costs in Node: no framework, no routes, one JSON document of the size of `GET /me`. */
import { createServer } from 'node:http';
import { sampleUser } from './sample-user.ts';
import { tell } from './tell.ts';

const server = createServer((_request, response) => {
  const body = JSON.stringify(sampleUser);
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => tell(server));
