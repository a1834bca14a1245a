import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Factor, nextStep, type Proof, type SigningIn } from './next-step.ts';

const PROOFS: readonly Proof[] = [
  { method: 'pwd' },
  { method: 'email' },
  { method: 'fed' },
  { method: 'swk', isMultiFactor: true },
  { method: 'otp', factor: 'totp' },
  { method: 'hwk', factor: 'passkey' },
  { method: 'email', factor: 'email' },
  { method: 'pwd', factor: 'password' },
  { method: 'recovery', factor: 'recovery_code' },
];
const FACTORS: readonly (readonly Factor[])[] = [
  [],
  ['totp'],
  ['email'],
  ['passkey', 'recovery_code'],
  ['totp', 'email', 'recovery_code'],
  ['passkey', 'totp', 'email', 'recovery_code'],
];

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

interface State {
  who: SigningIn;
  proofs: Proof[];
  policy: { requiresVerifiedEmail: boolean };
}

function* states(): Generator<State> {
  for (const proofs of proofLists()) {
    for (const factors of FACTORS) {
      for (let bits = 0; bits < 64; bits++) {
        const is = (bit: number): boolean => (bits & bit) !== 0;
        yield {
          who: {
            isActive: is(1),
            isEmailVerified: is(2),
            factors,
            hasPassword: is(8),
            isDeviceTrusted: is(16),
            mustEnrol: is(32),
          },
          proofs,
          policy: { requiresVerifiedEmail: is(4) },
        };
      }
    }
  }
}

const isFirst = (proof: Proof): boolean => proof.factor === undefined;

test('nobody is in without a first proof, disabled, or unverified where that is needed (all states)', () => {
  let count = 0;
  for (const { who, proofs, policy } of states()) {
    count++;
    const next = nextStep(who, proofs, policy);
    if (!proofs.some(isFirst)) assert.deepEqual(next, { step: 'refuse', reason: 'nothing_proven' });
    else if (!who.isActive) assert.deepEqual(next, { step: 'refuse', reason: 'disabled' });
    else if (policy.requiresVerifiedEmail && !who.isEmailVerified) assert.deepEqual(next, { step: 'verify_email' });
    else assert.match(next.step, /^(complete|second_factor|enrol)$/);
  }
  assert.ok(count > 300_000);
});

test('an account with factors is entered by one of them beside another proof, by a proof of several, or from a trusted device (all states)', () => {
  for (const { who, proofs, policy } of states()) {
    const next = nextStep(who, proofs, policy);
    if (next.step !== 'complete' || who.factors.length === 0) continue;
    const isStrong = proofs.some((proof) => proof.isMultiFactor && isFirst(proof));
    const seconds = proofs.filter(
      ({ factor }) => factor !== undefined && (who.factors.includes(factor) || factor === 'recovery_code'),
    );
    const firsts = proofs.filter(isFirst);
    const byMailAlone = firsts.every((proof) => proof.method === 'email');
    const isOther = seconds.some((proof) => !(byMailAlone && proof.method === 'email'));
    const byPassword = byMailAlone && who.factors.includes('email') && proofs.some((one) => one.factor === 'password');
    const hasTwo = isStrong || isOther || (byPassword && who.hasPassword);
    assert.ok(hasTwo || who.isDeviceTrusted, JSON.stringify({ who, proofs }));
    assert.equal(next.amr.includes('mfa'), hasTwo, JSON.stringify({ who, proofs }));
  }
});

test('where policy wants a factor of an account that has none, only a proof of several factors gets in (all states)', () => {
  for (const { who, proofs, policy } of states()) {
    if (!who.mustEnrol || who.factors.length > 0) continue;
    const next = nextStep(who, proofs, policy);
    if (next.step === 'complete') assert.ok(proofs.some((proof) => proof.isMultiFactor));
  }
});

test('what is missing is said: what the account has, and never what comes out of the same mailbox (all states)', () => {
  for (const { who, proofs, policy } of states()) {
    const next = nextStep(who, proofs, policy);
    if (next.step === 'second_factor') {
      for (const factor of next.factors) assert.ok(factor === 'password' || who.factors.includes(factor));
      const byMailAlone = proofs.filter(isFirst).every((proof) => proof.method === 'email');
      assert.ok(!(byMailAlone && next.factors.includes('email')));
      assert.ok(!next.factors.includes('password') || (byMailAlone && who.hasPassword));
    }
    if (next.step === 'complete') {
      assert.deepEqual([...new Set(next.amr)], next.amr, 'no method twice');
      for (const method of next.amr) assert.ok(method === 'mfa' || proofs.some((proof) => proof.method === method));
    }
  }
});

test('the same password twice, or a password and a link, is one factor', () => {
  const who: SigningIn = {
    isActive: true,
    isEmailVerified: true,
    factors: ['totp'],
    hasPassword: true,
    isDeviceTrusted: false,
    mustEnrol: false,
  };
  const policy = { requiresVerifiedEmail: true };
  const [pwd, link] = [{ method: 'pwd' } as const, { method: 'email' } as const];
  assert.equal(nextStep(who, [pwd, pwd], policy).step, 'second_factor');
  assert.equal(nextStep(who, [pwd, link], policy).step, 'second_factor');
  assert.deepEqual(nextStep(who, [pwd, { method: 'otp', factor: 'totp' }], policy), {
    step: 'complete',
    amr: ['pwd', 'otp', 'mfa'],
  });
});
