import { MillraceError } from '../base/errors.ts'

/**
 * Which topics a route is for: a name, some names, all that a pattern matches (JavaScript's, unanchored), all that a pattern
 * does not match, or these partitions of one topic, read without group membership. Patterns match Kafka's internal topics only if their
 * route says so.
 */
export type Match =
  | string
  | readonly string[]
  | RegExp
  | { readonly deny: RegExp }
  | { readonly topic: string; readonly partitions: readonly number[] }

/** Two patterns match one topic, so it is not clear whose handler gets its messages. Code `AMBIGUOUS_TOPIC`. */
export class AmbiguousTopicError extends MillraceError {
  constructor(topic: string, matches: readonly Match[]) {
    const names = matches.map(describeMatch).join(' and ')
    super(
      'AMBIGUOUS_TOPIC',
      `topic ${topic} is matched by ${names}: give it a route of its own, or make one narrower`,
      {
        topic,
      },
    )
  }
}

/** A match as the user wrote it. */
export function describeMatch(match: Match): string {
  if (typeof match === 'string') return `'${match}'`
  if (match instanceof RegExp) return String(match)
  if ('deny' in match) return `{ deny: ${match.deny} }`
  if ('partitions' in match) return `{ topic: '${match.topic}', partitions: [${match.partitions}] }`
  return `[${match.map(topic => `'${topic}'`).join(', ')}]`
}

/** What all routes together are subscribed to. A route is known by its place in the list. */
export class Subscription {
  readonly #matches: readonly Match[]
  /** Of each route, whether its pattern is for Kafka's internal topics too. */
  readonly #internal: readonly boolean[]
  readonly #exact = new Map<string, number>()
  readonly #patterns: number[] = []

  /** @throws {AmbiguousTopicError} when a name is given twice */
  constructor(matches: readonly Match[], internal: readonly boolean[] = []) {
    this.#matches = matches
    this.#internal = internal
    matches.forEach((match, route) => {
      const names = namesIn(match)
      if (names === null) this.#patterns.push(route)
      for (const name of names ?? []) {
        const other = this.#exact.get(name)
        if (other !== undefined) throw new AmbiguousTopicError(name, [matches[other] as Match, match])
        this.#exact.set(name, route)
      }
    })
  }

  /** Topics that are named, and expected to exist. */
  get names(): readonly string[] {
    return [...this.#exact.keys()]
  }

  /** Whether routes name partitions: then none is a member of a group. */
  get namesPartitions(): boolean {
    return this.#matches.some(match => typeof match === 'object' && 'partitions' in match)
  }

  get hasPatterns(): boolean {
    return this.#patterns.length > 0
  }

  /** The route of a topic, or null when none wants it. @throws {AmbiguousTopicError} */
  route(topic: string, internal: boolean): number | null {
    const exact = this.#exact.get(topic)
    if (exact !== undefined) return exact
    const matching = this.#patterns.filter(route => {
      return (!internal || this.#internal[route]) && matches(this.#matches[route] as Match, topic)
    })
    if (matching.length > 1) {
      throw new AmbiguousTopicError(
        topic,
        matching.map(route => this.#matches[route] as Match),
      )
    }
    return matching[0] ?? null
  }

  /** The partitions that a route names for its topic; null: all there are. */
  partitions(route: number): readonly number[] | null {
    const match = this.#matches[route]
    return typeof match === 'object' && 'partitions' in match ? match.partitions : null
  }
}

export function namesIn(match: Match): readonly string[] | null {
  if (typeof match === 'string') return [match]
  if (match instanceof RegExp || 'deny' in match) return null
  return 'partitions' in match ? [match.topic] : match
}

/** `search` and not `test`: a pattern with the flag `g` or `y` keeps a position between tests. */
function matches(match: Match, topic: string): boolean {
  if (match instanceof RegExp) return topic.search(match) >= 0
  return typeof match === 'object' && 'deny' in match && topic.search(match.deny) < 0
}
