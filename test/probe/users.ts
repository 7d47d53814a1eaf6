/** Whom the clusters know that are asked about SASL and access rules. `admin` may do everything. */
export const passwords = {
  admin: 'admin-secret',
  alice: 'alice-secret',
  bob: 'bob-secret',
  carol: 'carol-secret',
  dave: 'dave-secret',
} as const

export type User = keyof typeof passwords

export function login(name: User): { name: string; password: string } {
  return { name, password: passwords[name] }
}

export const admin = login('admin')

/** How long a session lasts: connections of scripts live on. */
export const sessionLifetimeMs = 3_600_000
