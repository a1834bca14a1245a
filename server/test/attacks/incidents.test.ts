// engines: none
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: titles stand here as they stand in their files
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * What went wrong elsewhere in flows, single use and linking, and what would have caught it here: the title of a test
 * (as it stands in its file), or the reason why there is nothing to be caught.
 */
const REGISTER: Record<string, { tests: string[] } | { doesNotApply: string }> = {
  'I-001': {
    tests: [
      'RST-16 I-001 without the mail no walk through the flow sets a password',
      'I-001 no branch beside the mail leads anywhere: a flow alone, a token of another, a code never sent',
    ],
  },
  'I-002': { tests: ['I-002 FL-02 an empty request to any step, by any method, moves nothing'] },
  'I-003': { tests: ['I-003 nothing about the account can be done in a flow that has only named it'] },
  'I-004': { tests: ['I-004 nobody but its signed-in owner, in the browser in which it began, links anything'] },
  'I-005': {
    tests: [
      'I-005 no cookie that stands for a flow can be computed, or carried over to another person, flow or provider',
    ],
  },
  'I-006': {
    tests: [
      'RST-09 RST-15 I-006 no token of a mail is in any answer, audit line or readable column',
      'RST-15 I-006 neither answers nor headers nor metrics hold the code or the token, and at rest there are only hashes',
    ],
  },
  'I-007': {
    tests: [
      'I-007 I-008 MFA-01 SES-15 after the password alone no route takes anything that was given so far',
      'MFA-10 I-007 a page of ours gets no cookie, but a code for this browser',
    ],
  },
  'I-008': {
    tests: ['I-007 I-008 MFA-01 SES-15 after the password alone no route takes anything that was given so far'],
  },
  'I-009': {
    tests: ['I-009 ${name} opens its own door and no other, and is not used up by being tried elsewhere'],
  },
  'I-010': {
    tests: ['I-010 what is sealed for one purpose is nothing for another, and neither is a value with another prefix'],
  },
  'I-011': { tests: ['I-011 I-049 the server signs nothing that a caller gives it, and delimiters move nothing'] },
  'I-012': {
    doesNotApply: 'Nobody asks for an acr here before there is the OpenID provider (issue 5); step-up is MFA-06.',
  },
  'I-013': { doesNotApply: 'Pushed authorization requests belong to the OpenID provider (issue 5).' },
  'I-014': {
    tests: [
      'I-014 a flow that somebody began and another finishes gives the one who began it nothing',
      'OCL-01 I-014 what began in one browser does not end in another, and nobody gains by it',
      'I-014 who prepares a link for a victim gains nothing when it is opened in the victim’s browser',
    ],
  },
  'I-015': {
    tests: [
      'two users in one browser with cookies dropped on the way: who typed the password is who is signed in (SES-14, I-015)',
      'I-015 who comes in is who has the mailbox, whoever was signed in in the browser before',
    ],
  },
  'I-016': { tests: ['I-016 without a credential every route that is not on the reviewed list is 401'] },
  'I-017': {
    tests: [
      'I-017 a fresh installation has nobody, and no flow makes an administrator or lets anybody in without a mailbox',
    ],
  },
  'I-018': {
    tests: [
      'I-018 a closed registration makes no account by mail, when it is asked for or when it is used',
      'REG-07 I-018 a closed registration is closed here too, and says the same of claimed addresses',
    ],
  },
  'I-019': {
    tests: ['I-019 an authenticator without user verification is refused by the server, whatever the page asked for'],
  },
  'I-020': { doesNotApply: 'There is no device code grant that somebody else could approve.' },
  'I-021': {
    tests: ['I-021 I-022 of ${USES} uses of one refresh token on 3 processes all get one successor, ${ROUNDS} times'],
  },
  'I-022': {
    tests: ['I-021 I-022 of ${USES} uses of one refresh token on 3 processes all get one successor, ${ROUNDS} times'],
  },
  'I-023': {
    tests: [
      'I-023 a server that has just started knows which refresh tokens were rotated away, and which sessions were ended',
      'F-40: Redis is killed and comes back empty: nobody is signed out, nothing revoked comes back',
    ],
  },
  'I-024': { tests: ['I-024 exchanged 50 times at once it works once', 'I-024 an exchange code'] },
  'I-025': {
    tests: [
      'OCL-01 I-025 a callback without a state, with a wrong, a used or an expired one is refused',
      'I-025 a provider state',
    ],
  },
  'I-026': { tests: ['I-026 a recovery code'] },
  'I-027': {
    tests: [
      'MFA-04 I-027 a TOTP code',
      'MFA-03 no code twice, not the one before a newer one, and not across enrolments',
    ],
  },
  'I-028': { doesNotApply: 'There are no invitations yet (issue 6); links that are sent work once (I-030).' },
  'I-029': {
    tests: [
      'I-029 the link ends after a day, with nothing that cleans up, and a new one can be had',
      'RST-04 I-029 an hour later the link is dead, with nothing that cleans up',
    ],
  },
  'I-030': {
    tests: ['I-029 I-030 I-031 ten minutes, whatever cleans up, and whatever the stored time is; and once'],
  },
  'I-031': {
    tests: ['I-031 a link whose time is zero or in the far past is expired, and one without a time cannot be'],
  },
  'I-032': { doesNotApply: 'No SAML here, and no XML signature to wrap.' },
  'I-033': {
    tests: ['I-033 a provider that is no longer configured ends what was begun with it'],
  },
  'I-034': { doesNotApply: 'No SAML here, and no XML to read a name from.' },
  'I-035': {
    doesNotApply: 'No SAML here; its like, a state of one provider at the callback of another, is I-040.',
  },
  'I-036': {
    tests: [
      'EML-08 I-036 registering an unverified address again keeps neither password, and its owner chooses one',
      'I-036 EML-08 one that never proved its address is taken over clean by who proves it: no password, session or factor of before is left',
    ],
  },
  'I-037': {
    tests: ['EML-10 EML-11 I-037 I-039 nothing but the boolean true is a verified address, and nothing else links'],
  },
  'I-038': { tests: ['OCL-03 I-038 an ID token that is wrong or lacks something is refused'] },
  'I-039': {
    tests: [
      'EML-10 EML-11 I-037 I-039 nothing but the boolean true is a verified address, and nothing else links',
      'I-052 I-039 a disabled account is not signed in to, linked or not',
    ],
  },
  'I-040': {
    tests: [
      'OCL-02 I-040 a state for one provider is nothing at the callback of another, and a foreign iss is refused',
    ],
  },
  'I-041': { tests: ['I-041 an address is normalised first and judged afterwards, on every route that takes one'] },
  'I-042': {
    tests: ['REG-04 I-042 lists, groups, comments, quotes and other types are no address, and no mail goes out'],
  },
  'I-043': {
    tests: [
      'I-043 I-083 no protected field can be written through the profile, in any spelling',
      'I-043 roles, status and verification cannot be given with a registration',
    ],
  },
  'I-044': { tests: ['I-044 OCL-11 nobody can name an issuer, or bring an ID token of their own'] },
  'I-045': {
    tests: [
      'EML-12 I-045 a subject that is empty, null, a number, huge or no text is refused',
      'I-045 an error that looks like an answer is nobody',
    ],
  },
  'I-046': { tests: ['I-046 EML-16 an id that is another provider, or another way to sign in, is a fault'] },
  'I-047': { doesNotApply: 'There are no organisations, and nothing is derived from the domain of an address.' },
  'I-048': { doesNotApply: 'There are no invitations; links carry random values that are looked up, and no payload.' },
  'I-049': { tests: ['I-011 I-049 the server signs nothing that a caller gives it, and delimiters move nothing'] },
};

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** What the files of tests say, but for this one. */
function textOfTests(): string {
  const texts: string[] = [];
  for (const folder of ['server/src', 'server/test', 'test']) {
    for (const path of readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })) {
      const isTest = path.endsWith('.test.ts') || (folder === 'server/test' && path.endsWith('.ts'));
      if (isTest && !path.endsWith('incidents.test.ts')) texts.push(readFileSync(`${ROOT}${folder}/${path}`, 'utf8'));
    }
  }
  return texts.join('\n');
}

test('each of the first 49 incidents has its test, or the reason why it cannot happen here', (t) => {
  const text = textOfTests();
  const numbers = Array.from({ length: 49 }, (_, index) => `I-${String(index + 1).padStart(3, '0')}`);
  assert.deepEqual(Object.keys(REGISTER), numbers);
  const missing: string[] = [];
  for (const [number, entry] of Object.entries(REGISTER)) {
    if ('doesNotApply' in entry) {
      assert.ok(entry.doesNotApply.endsWith('.') && entry.doesNotApply.length < 130, number);
      continue;
    }
    assert.ok(entry.tests.length > 0, number);
    for (const title of entry.tests) {
      if (!["'", '"', '`'].some((quote) => text.includes(`${quote}${title}${quote}`)))
        missing.push(`${number}: ${title}`);
    }
    // Somewhere the number stands in the title itself, so that it is found by it.
    assert.ok(entry.tests.some((title) => title.includes(number)) || number === 'I-021', number);
  }
  assert.deepEqual(missing, [], 'tests that are named here and stand in no file');
  const applying = Object.values(REGISTER).filter((entry) => 'tests' in entry).length;
  t.diagnostic(`${applying} incidents with tests, ${49 - applying} that do not apply`);
});
