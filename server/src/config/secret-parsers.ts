import { fromBase64url } from '../lib/bytes.ts';
import { list, type Parser, text } from './parsers.ts';

/** A password or key that another system gave out: any text. */
export const credential: Parser<string> = text('a text');

const secretItem: Parser<string> = text('a secret of at least 32 bytes');

export const secretList: Parser<readonly string[]> = list(
  secretItem,
  'one or more secrets separated by commas, each at least 32 bytes, better 64 random characters (openssl rand -hex 32)',
);

const keyItem: Parser<Buffer> = {
  expected: '32 bytes in base64, base64url or hex',
  parse(value) {
    const bytes = /^[0-9a-f]{64}$/i.test(value)
      ? Buffer.from(value, 'hex')
      : fromBase64url(value.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''));
    return bytes?.length === 32 ? { value: bytes } : { problem: 'is not 32 bytes in base64, base64url or hex' };
  },
};

export const keyList: Parser<readonly Buffer[]> = list(
  keyItem,
  'one or more keys separated by commas, each 32 bytes in base64, base64url or hex (openssl rand -base64 32)',
);
