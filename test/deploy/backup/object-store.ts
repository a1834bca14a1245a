/** As much of S3's HTTP interface as an upload and its verification take: PUT and HEAD of objects, with their checksums. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { RowContext } from '../row.ts';

export interface ObjectStore {
  readonly url: string;
  readonly objects: ReadonlyMap<string, Buffer>;
  /** Whether it loses the last byte of what it is given, as a broken store would. */
  isLossy: boolean;
}

export async function startObjectStore(t: RowContext): Promise<ObjectStore> {
  const objects = new Map<string, Buffer>();
  const server = createServer(async (request, response) => {
    const key = decodeURIComponent(new URL(request.url ?? '/', 'http://s3').pathname);
    const stored = objects.get(key);
    if (request.method === 'PUT') {
      const sent = await buffer(request);
      const body = request.headers['content-encoding']?.includes('aws-chunked') ? withoutFrames(sent) : sent;
      objects.set(key, store.isLossy ? body.subarray(0, -1) : body);
      response.writeHead(200, { etag: '"0"' }).end();
    } else if (request.method === 'HEAD' && stored !== undefined) {
      const sha256 = createHash('sha256').update(stored).digest('base64');
      response.writeHead(200, { 'content-length': stored.length, 'x-amz-checksum-sha256': sha256 }).end();
    } else response.writeHead(404).end();
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => void server.close().closeAllConnections());
  const store = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, objects, isLossy: false };
  return store;
}

/** aws-chunked: `<length in hex>[;…]\r\n<bytes>\r\n` until a length of 0, then trailers. */
function withoutFrames(sent: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = sent.indexOf('\r\n', at);
    const length = Number.parseInt(sent.toString('latin1', at, end), 16);
    if (end < 0 || !(length > 0)) return Buffer.concat(parts);
    parts.push(sent.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}
