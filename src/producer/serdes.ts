import { OptionError } from '../base/errors.ts'
import { describe, SectionCheck } from '../base/option-check.ts'
import type { Serializer } from '../serde/serde.ts'

/** What keys and values are made bytes by; without one they are bytes, or strings, which become UTF-8. */
export interface MessageSerdes<K, V> {
  readonly key?: Serializer<K>
  readonly value?: Serializer<V>
}

/** Serdes of topics, by the topic's name. */
export type TopicSerdes = Readonly<Record<string, MessageSerdes<never, never>>>

/** No topic has serdes of its own. */
export type NoTopicSerdes = Record<never, never>

/** What a message to topic `N` may have as its key: what the topic's serde takes, else `K`. */
export type KeyFor<S extends TopicSerdes, N extends string, K> = N extends keyof S
  ? S[N] extends { readonly key: Serializer<infer T> }
    ? T
    : K
  : K

/** The same of its value. */
export type ValueFor<S extends TopicSerdes, N extends string, V> = N extends keyof S
  ? S[N] extends { readonly value: Serializer<infer T> }
    ? T
    : V
  : V

/** Serdes whose types were checked by whoever wrote the call. */
export interface ResolvedSerdes {
  readonly key: Serializer<unknown> | null
  readonly value: Serializer<unknown> | null
}

/** @throws {OptionError} */
export function resolveSerdes<K, V>({ key, value }: MessageSerdes<K, V>, path = ''): ResolvedSerdes {
  return { key: serializer(`${path}key`, key), value: serializer(`${path}value`, value) }
}

/** Those that have serdes of their own. @throws {OptionError} */
export function resolveTopicSerdes(topics: unknown): ReadonlyMap<string, ResolvedSerdes> {
  const resolved = new Map<string, ResolvedSerdes>()
  new SectionCheck('topics', topics, Object.keys(topics ?? {}))
  for (const [topic, serdes] of Object.entries(topics ?? {})) {
    new SectionCheck(`topics.${topic}`, serdes, ['key', 'value'])
    resolved.set(topic, resolveSerdes(serdes, `topics.${topic}.`))
  }
  return resolved
}

function serializer<T>(name: string, value: Serializer<T> | undefined): Serializer<unknown> | null {
  if (value === undefined) return null
  if (typeof value?.serialize !== 'function') {
    throw new OptionError(`${name} must be a serde such as json(), not ${describe(value)}`)
  }
  // What it is given has the type it wants: the types of the calls say so.
  return value as Serializer<unknown>
}
