// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { openHouse, type Server, visit } from './house.ts';

const { enrolTotp } = await import('../../server/test/factors.ts');

let house: Server & { base: string };
before(async () => {
  house = await openHouse({ MFA_RESET_DELAY: '1h' });
});

test('the owner stops the removal of the second factors by the link in the mail, after a press and not before', async () => {
  const [boss, ada] = [await house.admin(), await house.user()];
  await enrolTotp(house, ada);
  const reason = { reason: 'somebody called' };
  const asked = await house.post(`/admin/users/${ada.id}/reset-mfa`, reason, { bearer: boss.accessToken });
  assert.equal(asked.body.status, 'scheduled');
  const seen = await visit();
  const token = await house.linkToken(ada.email, '/veto-factor-reset');
  await seen.page.goto(`${house.base}/veto-factor-reset#token=${token}`);
  const vetoed = async () => (await house.audit('mfa.reset_vetoed')).length;
  assert.equal(await vetoed(), 0);
  await seen.page.click('[data-state=ask] button.main');
  await seen.page.waitForSelector('[data-state=done]:not([hidden])');
  assert.equal(await vetoed(), 1);
  house.clock.advance(3601);
  const login = await house.post('/auth/login', { email: ada.email, password: ada.password });
  assert.equal(login.body.status, 'mfa_required');
  assert.deepEqual(seen.complaints, []);
  await seen.context.close();
});
