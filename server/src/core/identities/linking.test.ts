import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AddressProof, addressProof, decideLinking, type LocalAccount } from './linking.ts';

const PROOFS: AddressProof[] = ['none', 'claimed', 'verified', 'authoritative'];
const LOCALS: LocalAccount[] = ['none', 'unverified', 'verified', 'disabled'];

describe('the linking rule', () => {
  test('every case has its one outcome', () => {
    const table = PROOFS.map((proof) => LOCALS.map((local) => decideLinking(proof, local)));
    assert.deepEqual(table, [
      ['no_address', 'no_address', 'no_address', 'no_address'],
      ['sign_up_unverified', 'conceal', 'conceal', 'conceal'],
      ['sign_up_verified', 'prove', 'prove', 'refuse'],
      ['sign_up_verified', 'claim', 'link', 'refuse'],
    ]);
  });

  test('EML-10 I-036 I-037 nothing leads into an account that exists without an authority’s word on a verified address', () => {
    for (const proof of PROOFS) {
      for (const local of LOCALS.filter((one) => one !== 'none')) {
        const leadsIn = ['link', 'claim'].includes(decideLinking(proof, local));
        assert.equal(leadsIn, proof === 'authoritative' && local !== 'disabled', `${proof} ${local}`);
      }
    }
  });

  test('whoever has proven nothing gets the same, whoever has the address', () => {
    const outcomes = new Set(LOCALS.slice(1).map((local) => decideLinking('claimed', local)));
    assert.deepEqual([...outcomes], ['conceal']);
  });

  test('an authority’s word counts only beside a verified address, and that only beside an address', () => {
    for (const email of [null, 'a@corp.test'])
      for (const isVerified of [false, true])
        for (const isAuthoritative of [false, true]) {
          const expected =
            email === null ? 'none' : !isVerified ? 'claimed' : isAuthoritative ? 'authoritative' : 'verified';
          assert.equal(addressProof({ email, isVerified, isAuthoritative }), expected);
        }
  });
});
