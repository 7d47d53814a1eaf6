/** The one message of PLAIN (RFC 4616), as each side sees it. */
export interface PlainMessage {
  /** On whose behalf, `''`: the user's own. Kafka refuses any other name than `username`. */
  readonly authzid: string
  readonly username: string
  readonly password: string
}

/** `authzid NUL username NUL password` in UTF-8; no part may hold a NUL. */
export function encodePlain({ authzid, username, password }: PlainMessage): Buffer {
  return Buffer.from(`${authzid}\0${username}\0${password}`)
}

/** Null unless it has exactly these three parts. They may be empty: whether that will do is for the server to say. */
export function parsePlain(message: Buffer): PlainMessage | null {
  const [authzid, username, password, ...more] = message.toString('utf8').split('\0')
  if (authzid === undefined || username === undefined || password === undefined || more.length > 0) return null
  return { authzid, username, password }
}
