/** An answer of `GET /me`, in form and size. */
export const sampleUser = {
  id: '0198c5a2-7b1e-7c3d-9f40-5a6b7c8d9e0f',
  email: 'person-0000@example.com',
  email_verified: true,
  name: 'Person 0000',
  picture: null,
  locale: 'en',
  roles: [],
  status: 'active',
  has_password: true,
  mfa: { totp: false, passkeys: 0, recovery_codes_left: 0 },
  created_at: '2026-01-02T03:04:05.678Z',
  updated_at: '2026-01-02T03:04:05.678Z',
  last_login_at: '2026-01-02T03:04:05.678Z',
};
