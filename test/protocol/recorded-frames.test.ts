import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { apiByKey } from '../../src/protocol/apis.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../src/protocol/frame.ts'

interface RecordedFrame {
  readonly request: boolean
  readonly key: number
  readonly version: number
  readonly bytes: Buffer
}

/** What Kafka 4.1.1 and its Java clients, kafkajs, @platformatic/kafka and librdkafka said to one another. */
function recordedFrames(): RecordedFrame[] {
  const text = gunzipSync(readFileSync(new URL('../data/frames.txt.gz', import.meta.url))).toString('latin1')
  return text
    .trimEnd()
    .split('\n')
    .map(line => {
      const [direction, key, version, hex = ''] = line.split(' ')
      return {
        request: direction === 'req',
        key: Number(key),
        version: Number(version),
        bytes: Buffer.from(hex, 'hex'),
      }
    })
}

function again(frame: RecordedFrame): Buffer {
  if (frame.request) {
    const { name, version, correlationId, clientId, body } = decodeRequest(frame.bytes)
    assert.equal(version, frame.version)
    return encodeRequest(name, version, correlationId, clientId, body)
  }
  const name = apiByKey(frame.key)?.name
  assert.ok(name !== undefined, `API key ${frame.key} is known`)
  return encodeResponse(
    name,
    frame.version,
    frame.bytes.readInt32BE(0),
    decodeResponse(name, frame.version, frame.bytes),
  )
}

test('every recorded frame is written again as it was read', () => {
  const frames = recordedFrames()
  let tooLong = 0
  for (const frame of frames) {
    const written = again(frame)
    assert.equal(written.readInt32BE(0), written.length - 4)
    let expected = frame.bytes
    // librdkafka sends Metadata v13 requests that are 3 bytes too long.
    if (frame.request && frame.key === 3 && frame.version === 13 && expected.length === written.length - 4 + 3) {
      expected = expected.subarray(0, -3)
      tooLong++
    }
    assert.equal(written.toString('hex', 4), expected.toString('hex'), `API ${frame.key} v${frame.version}`)
  }
  assert.equal(frames.length, 6973)
  assert.ok(tooLong > 0)
})
