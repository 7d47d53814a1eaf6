import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { differences } from './comparison.ts'
import { listedOfGuards } from './listed.ts'
import { recorded } from './recorded.ts'
import { guardedAnswers } from './rounds.ts'
import { passwords, sessionLifetimeMs } from './users.ts'

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const
const guards = { sasl: { mechanisms, users: passwords, sessionLifetimeMs }, acls: [], superUsers: ['User:admin'] }

let found: readonly string[]

before(async () => {
  found = differences(
    await recorded('guarded'),
    await guardedAnswers(options => EmbeddedCluster.start(options, guards)),
  )
})

test('the embedded broker lets in and refuses as Kafka 4.1.1 does, except where the list of differences says otherwise', () => {
  assert.deepEqual(
    found.filter(line => !listedOfGuards.some(entry => entry.lines.test(line))),
    [],
  )
})

test('every listed difference of it is there', () => {
  assert.deepEqual(
    listedOfGuards.filter(({ lines }) => !found.some(line => lines.test(line))),
    [],
  )
})
