import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextStep, type Proof, type SigningIn } from './next-step.ts';

const PROOFS: readonly Proof[] = [
  { method: 'pwd' },
  { method: 'link' },
  { method: 'fed' },
  { method: 'otp', factor: 'totp' },
  { method: 'recovery', factor: 'recovery' },
  { method: 'hwk', isMultiFactor: true },
];
const FACTORS: readonly (readonly string[])[] = [[], ['totp'], ['recovery'], ['totp', 'recovery']];

/** Every list of up to three proofs, in every order, with repetitions. */
function* proofLists(): Generator<Proof[]> {
  yield [];
  for (const a of PROOFS) {
    yield [a];
    for (const b of PROOFS) {
      yield [a, b];
      for (const c of PROOFS) yield [a, b, c];
    }
  }
}

function* states(): Generator<{ who: SigningIn; proofs: Proof[]; policy: { requiresVerifiedEmail: boolean } }> {
  for (const proofs of proofLists()) {
    for (const factors of FACTORS) {
      for (const bits of [0, 1, 2, 3, 4, 5, 6, 7]) {
        yield {
          who: { isActive: Boolean(bits & 1), isEmailVerified: Boolean(bits & 2), factors },
          proofs,
          policy: { requiresVerifiedEmail: Boolean(bits & 4) },
        };
      }
    }
  }
}

test('nobody is in without a proof, disabled, or unverified where that is needed (all states)', () => {
  let count = 0;
  for (const { who, proofs, policy } of states()) {
    count++;
    const next = nextStep(who, proofs, policy);
    if (proofs.length === 0) assert.deepEqual(next, { step: 'refuse', reason: 'nothing_proven' });
    else if (!who.isActive) assert.deepEqual(next, { step: 'refuse', reason: 'disabled' });
    else if (policy.requiresVerifiedEmail && !who.isEmailVerified) assert.deepEqual(next, { step: 'verify_email' });
    else assert.match(next.step, /^(complete|second_factor)$/);
  }
  assert.ok(count > 8_000);
});

test('an account with factors is entered only by one of them beside another proof, or by a proof of several (all states)', () => {
  for (const { who, proofs, policy } of states()) {
    const next = nextStep(who, proofs, policy);
    if (next.step !== 'complete' || who.factors.length === 0) continue;
    const factor = proofs.find((proof) => proof.factor !== undefined && who.factors.includes(proof.factor));
    const other = proofs.find((proof) => proof.factor === undefined || !who.factors.includes(proof.factor));
    const isStrong = proofs.some((proof) => proof.isMultiFactor);
    assert.ok(isStrong || (factor && other), JSON.stringify({ who, proofs }));
    assert.ok(next.amr.includes('mfa'));
  }
});

test('what is missing is said, and never more than the account has (all states)', () => {
  for (const { who, proofs, policy } of states()) {
    const next = nextStep(who, proofs, policy);
    if (next.step === 'second_factor') assert.deepEqual(next.factors, who.factors);
    if (next.step === 'complete') {
      assert.deepEqual([...new Set(next.amr)], next.amr, 'no method twice');
      for (const method of next.amr) assert.ok(method === 'mfa' || proofs.some((proof) => proof.method === method));
    }
  }
});

test('the same password twice, or a password and a link, is one factor', () => {
  const who = { isActive: true, isEmailVerified: true, factors: ['totp'] };
  const policy = { requiresVerifiedEmail: true };
  const [pwd, link] = [{ method: 'pwd' }, { method: 'link' }];
  assert.equal(nextStep(who, [pwd, pwd], policy).step, 'second_factor');
  assert.equal(nextStep(who, [pwd, link], policy).step, 'second_factor');
  assert.deepEqual(nextStep(who, [pwd, { method: 'otp', factor: 'totp' }], policy), {
    step: 'complete',
    amr: ['pwd', 'otp', 'mfa'],
  });
});
