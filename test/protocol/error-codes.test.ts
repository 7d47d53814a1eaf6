import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { errorCodes, KafkaError, kafkaError } from '../../src/protocol/error-codes.ts'

test('code 0 is no error', () => {
  assert.equal(kafkaError(0, 'fetch'), null)
})

test("a known code has Kafka's name, and says what was done and where", () => {
  const error = kafkaError(errorCodes.NOT_LEADER_OR_FOLLOWER, 'fetch of orders[3]', { topic: 'orders', partition: 3 })
  assert.ok(error instanceof KafkaError && error instanceof MillraceError)
  assert.equal(error.message, 'fetch of orders[3]: NOT_LEADER_OR_FOLLOWER (6): the leader has moved')
  assert.deepEqual([error.code, error.errorCode, error.retriable], ['NOT_LEADER_OR_FOLLOWER', 6, true])
  assert.deepEqual([error.topic, error.partition, error.broker], ['orders', 3, undefined])
  assert.equal(kafkaError(-1, 'join')?.code, 'UNKNOWN_SERVER_ERROR')
})

test('a code that is not known here keeps its number, and is not retriable', () => {
  for (const errorCode of [134, 32_767, -2]) {
    const error = new KafkaError(errorCode, 'join')
    assert.deepEqual([error.code, error.errorCode, error.retriable], ['UNKNOWN_ERROR_CODE', errorCode, false])
    assert.equal(error.message, `join: unknown error code ${errorCode}`)
  }
})
