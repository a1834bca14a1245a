import type { AddressInfo, Server } from 'node:net';

/** Says to the bench where this subject listens. */
export function tell(server: Server, scheme = 'http'): void {
  const { port } = server.address() as AddressInfo;
  process.send?.({ url: `${scheme}://127.0.0.1:${port}` });
}
