import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { apiTable } from '../../src/broker/api/table.ts'
import { errorsIn } from '../../src/broker/part-errors.ts'
import { namesTopics } from '../../src/broker/parts.ts'
import { type ApiName, api } from '../../src/protocol/apis.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { arbitraryMessage } from '../protocol/arbitrary-message.ts'
import { type Message, messageVersion } from '../protocol/message-versions.ts'
import { Desk } from './desk.ts'

/** No handler answers it by itself. */
const error = 'SASL_AUTHENTICATION_FAILED'

const names = Object.keys(apiTable) as ApiName[]
const samplesPerVersion = 8

function versionsOf(name: ApiName): number[] {
  const { minVersion, maxVersion } = api(name)
  return Array.from({ length: maxVersion - minVersion + 1 }, (_, at) => minVersion + at)
}

/** Requests that can be answered part by part: with acks, and without a session that the broker would not know. */
function samples(name: ApiName, version: number): Message[] {
  const arbitrary = arbitraryMessage(messageVersion(`${name}Request`, version))
  const plain = arbitrary.map(body => ({
    ...body,
    ...('acks' in body && { acks: 1 }),
    ...('sessionId' in body && { sessionId: 0, sessionEpoch: -1 }),
  }))
  return fc.sample(plain, { seed: version + 1, numRuns: samplesPerVersion })
}

/** Calls `visit` with every struct in `value`. */
function eachStruct(value: unknown, visit: (struct: Message) => void): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  if (!Array.isArray(value)) visit(value as Message)
  for (const inner of Object.values(value)) eachStruct(inner, visit)
}

function codesIn(value: unknown): Set<unknown> {
  const codes = new Set<unknown>()
  eachStruct(value, ({ errorCode, partitionErrorCode }) => codes.add(errorCode ?? partitionErrorCode))
  codes.delete(undefined)
  return codes
}

const listsOfTopics = ['topics', 'topicData', 'topicNames', 'resources', 'v3AndBelowTopics']

for (const name of names) {
  test(`${name}: an error for all of a request is all that its answer tells, in every version`, async () => {
    const desk = new Desk({ orders: 3, payments: 1 })
    desk.faults.add({ api: name, action: { error } })
    let told = 0
    for (const version of versionsOf(name)) {
      for (const body of samples(name, version)) {
        const answer = await desk.ask(name, version, body)
        assert.ok(answer !== null)
        const errors = errorsIn(name, answer)
        // Where nothing is asked, nothing is answered.
        if (errors.length > 0) assert.deepEqual(errors, [error], `v${version} ${JSON.stringify(answer)}`)
        told += errors.length
      }
    }
    assert.ok(told > 0)
    desk.close()
  })
}

/** Makes the first topic of each list the orders, and all others the payments. */
function withTopics(body: Message, ids: readonly string[]): Message {
  eachStruct(body, struct => {
    for (const list of listsOfTopics) {
      const topics = (struct[list] ?? []) as unknown[]
      for (const [at, topic] of topics.entries()) {
        const name = at === 0 ? 'orders' : 'payments'
        const named = { name, topic: name, topicId: ids[at === 0 ? 0 : 1], resourceName: name, resourceType: 2 }
        topics[at] = typeof topic === 'string' ? name : { ...(topic as Message), ...named }
      }
    }
  })
  return body
}

for (const name of names.filter(namesTopics)) {
  test(`${name}: an error for one topic changes nothing about the others, in every version`, async () => {
    const desk = new Desk({ orders: 3, payments: 1 })
    const { topics } = desk.cluster
    const ids = ['orders', 'payments'].map(topic => topics.get(topic)?.id ?? '')
    desk.faults.add({ api: name, topic: 'orders', action: { error } })
    let told = 0
    for (const version of versionsOf(name)) {
      for (const body of samples(name, version)) {
        const answer = await desk.ask(name, version, withTopics(body, ids))
        eachStruct(answer, struct => {
          const topic =
            topics.byId(struct.topicId as string)?.name ?? struct.name ?? struct.topic ?? struct.resourceName
          const codes = codesIn(struct)
          if (topic === 'payments') assert.ok(!codes.has(errorCodes[error]), `v${version} ${JSON.stringify(answer)}`)
          if (topic !== 'orders') return
          const others = [...codes].filter(code => code !== errorCodes[error])
          assert.deepEqual(others, [], `v${version} ${JSON.stringify(answer)}`)
          told += codes.size
        })
      }
    }
    assert.ok(told > 0)
    desk.close()
  })
}
