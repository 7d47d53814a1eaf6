import { MillraceError } from '../base/errors.ts'
import type { SerdeInfo } from './serde.ts'
import type { SchemaIssue } from './standard-schema.ts'

const MOST_PATHS = 5
const LONGEST_PATH = 100

/**
 * Bytes could not be made a key or value (`DECODE`), or the other way round (`ENCODE`). Not retriable: the same bytes fail again. The
 * message says what was wrong and at which paths, and quotes nothing of the payload: messages may hold secrets, and errors are logged.
 */
export class SerdeError extends MillraceError {
  declare readonly topic: string
  /** Whether the key was wrong; otherwise it was the value. */
  readonly isKey: boolean
  readonly #issues: readonly SchemaIssue[]

  constructor(code: 'DECODE' | 'ENCODE', what: string, info: SerdeInfo, issues: readonly SchemaIssue[] = []) {
    const part = info.isKey ? 'key' : 'value'
    super(code, `Cannot ${code.toLowerCase()} the ${part} of a message of ${info.topic}: ${what}`, {
      topic: info.topic,
    })
    this.isKey = info.isKey
    this.#issues = issues
  }

  /** What the schema said, in its own words. They may quote the payload; so this is no field that a logger would write. */
  get issues(): readonly SchemaIssue[] {
    return this.#issues
  }
}

/** Where a schema found something wrong: `items[0].price, id`. */
export function issuePaths(issues: readonly SchemaIssue[]): string {
  const paths = [...new Set(issues.map(issuePath))]
  const more = paths.length > MOST_PATHS ? ` and ${paths.length - MOST_PATHS} more` : ''
  return paths.slice(0, MOST_PATHS).join(', ') + more
}

function issuePath({ path = [] }: SchemaIssue): string {
  let text = ''
  for (const segment of path) {
    const key = typeof segment === 'object' ? segment.key : segment
    if (typeof key === 'number') text += `[${key}]`
    else text += text === '' ? String(key) : `.${String(key)}`
    if (text.length > LONGEST_PATH) return `${text.slice(0, LONGEST_PATH)}…`
  }
  return text === '' ? '(the whole)' : text
}
