import type { Entry } from './entry.ts'

/** What `sasl.jaas.config` says. */
export interface JaasConfig {
  /** Name of a Java class. */
  readonly module: string
  readonly options: ReadonlyMap<string, string>
}

const flags = ['required', 'requisite', 'sufficient', 'optional']
/** A quoted string with backslash escapes, a sign, or a word. */
const token = /\s*(?:"((?:\\[\s\S]|[^"\\\r\n])*)"|'((?:\\[\s\S]|[^'\\\r\n])*)'|([=;])|([^\s"'=;]+))/y

/**
 * Reads `Module required name="value" …;`.
 *
 * @throws {OptionError} that shows nothing of it: there are passwords in it
 */
export function parseJaas(entry: Entry): JaasConfig {
  const wrong = (why: string) =>
    entry.wrong(
      `${why}; expected 'org.apache.kafka.common.security.plain.PlainLoginModule required username="…" password="…";'`,
    )
  const tokens = tokensOf(entry.value)
  if (tokens === null) throw wrong('has a quote that does not end')
  const [module, flag, ...rest] = tokens
  if (module === undefined || !/^[\w.$]+$/.test(module.text))
    throw wrong('does not begin with the class of a login module')
  if (flag === undefined || !flags.includes(flag.text.toLowerCase()))
    throw wrong('has no flag, such as required, behind the class')
  const options = new Map<string, string>()
  for (let at = 0; at < rest.length; at += 3) {
    if (rest[at]?.sign === ';') {
      if (at === rest.length - 1) return { module: module.text, options }
      throw wrong('has something behind its semicolon: one login module is taken')
    }
    const [name, equals, value] = rest.slice(at, at + 3)
    if (name?.sign !== null || equals?.sign !== '=' || value?.sign !== null)
      throw wrong('has an option that is not name="value"')
    options.set(name.text, value.text)
  }
  throw wrong('does not end with a semicolon')
}

interface Token {
  readonly text: string
  readonly sign: string | null
}

/** Null where a quote does not end. */
function tokensOf(value: string): Token[] | null {
  const found: Token[] = []
  token.lastIndex = 0
  const text = value.trimEnd()
  while (token.lastIndex < text.length) {
    const match = token.exec(text)
    if (match === null) return null
    const [, double, single, sign = null, word = ''] = match
    const quoted = double ?? single
    found.push({ text: quoted?.replaceAll(/\\([\s\S])/g, '$1') ?? word, sign })
  }
  return found
}
