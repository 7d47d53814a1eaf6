import { OptionError } from '../base/errors.ts'

/** Where a broker listens. `host` is a name or an IP address, without brackets. */
export interface Address {
  readonly host: string
  readonly port: number
}

const defaultPort = 9092

/** `host:port`, with brackets around an IPv6 address. */
export function addressName({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * The `brokers` option: `host:port`, `host` (port 9092), `[::1]:9092` or `[::1]`; white space around an entry is ignored, and an
 * address named twice is taken once. Throws an `OptionError`.
 */
export function parseBrokers(brokers: readonly string[]): Address[] {
  if (!Array.isArray(brokers) || brokers.length === 0) {
    throw new OptionError('brokers must name at least one broker, such as ["localhost:9092"]')
  }
  const found = new Map<string, Address>()
  for (const entry of brokers) {
    const address = parseAddress(entry)
    found.set(addressName(address), address)
  }
  return [...found.values()]
}

function parseAddress(entry: unknown): Address {
  const wrong = (why: string) =>
    new OptionError(`brokers: ${JSON.stringify(entry)} ${why}; expected "host:port", "host" or "[IPv6]:port"`)
  if (typeof entry !== 'string') throw wrong('is not a string')
  const text = entry.trim()
  if (text.includes('://')) throw wrong('is a URL')
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:[\]/,@]+))(?::(\d{1,5}))?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  if (host === undefined) throw wrong('is no address')
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  if (port < 1 || port > 65_535) throw wrong('has a port outside 1…65535')
  return { host, port }
}
