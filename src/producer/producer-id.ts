import { MillraceError } from '../base/errors.ts'
import type { NativeClient } from '../client/native-client.ts'
import { errorCodes, kafkaError } from '../protocol/error-codes.ts'
import type { Identity } from './identity.ts'

/** A new identity, for a producer without transactions (InitProducerId). */
export async function askProducerId(client: NativeClient, timeoutMs: number, signal: AbortSignal): Promise<Identity> {
  const body = { transactionalId: null, transactionTimeoutMs: 0x7fff_ffff, producerId: -1, producerEpoch: -1 }
  const answer = await client.send('any', 'InitProducerId', body, { timeoutMs, signal })
  const error = kafkaError(answer.errorCode, 'asking for a producer id')
  if (error?.errorCode === errorCodes.CLUSTER_AUTHORIZATION_FAILED) {
    const needed =
      'to write idempotently it needs WRITE on a topic, or, before Kafka 2.8, IDEMPOTENT_WRITE on the cluster; ' +
      'without either, idempotent: false'
    throw new MillraceError(error.code, `${error.message}: ${needed}`, { cause: error })
  }
  if (error !== null) throw error
  return { producerId: answer.producerId, epoch: answer.producerEpoch }
}
