/**
 * Makes an image of the server differ from the one that it is built on, as variant.json beside it says: its answers bear
 * its name, and it may not start, never be ready, or answer some requests with 500.
 */
import { readFileSync } from 'node:fs';
import { Server } from 'node:http';

const { name, starts, ready, faulty } = JSON.parse(readFileSync(new URL('variant.json', import.meta.url), 'utf8'));

if (process.argv[2] === 'serve') {
  if (!starts) {
    process.stderr.write('this image does not start, on purpose\n');
    process.exit(1);
  }
  const { emit } = Server.prototype;
  let asked = 0;
  Server.prototype.emit = function (event, ...rest) {
    if (event !== 'request') return emit.call(this, event, ...rest);
    const [request, response] = rest;
    response.setHeader('x-test-version', name);
    const refused = !ready && request.url === '/ready' ? 503 : 0;
    // What a check without an account cannot see.
    const broken = faulty > 0 && request.headers.authorization !== undefined && asked++ % faulty === 0 ? 500 : 0;
    if (refused === 0 && broken === 0) return emit.call(this, event, ...rest);
    response.writeHead(refused || broken, { 'content-type': 'application/json' }).end('{}');
    return true;
  };
}
