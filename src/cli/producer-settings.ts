import type { ProducerOptions } from '../producer/options.ts'
import type { PartitionerName } from '../producer/partitioners/partitioner.ts'
import type { Bytes } from '../records/batch-builder.ts'
import type { Compression } from '../records/record-batch.ts'
import { CommandLogger } from './command-logger.ts'
import { type CommonOptions, logLevel } from './connect.ts'

/** How messages are written, as flags say. */
export interface ProducerFlags extends CommonOptions {
  readonly partitioner?: PartitionerName
  readonly compression?: Compression
  readonly compressionLevel?: number
  readonly acks?: 'all' | 1 | 0
  readonly idempotent: boolean
  /** Milliseconds. */
  readonly linger?: number
  readonly batchBytes?: number
  /** Milliseconds. */
  readonly deliveryTimeout?: number
}

/** Of a producer that writes bytes for a command. What a file says of serdes is not for these, and its transactional id is another's. */
export function writerOptions(flags: ProducerFlags): ProducerOptions<Bytes, Bytes> {
  const { settings, partitioner, compression, compressionLevel, acks, idempotent, linger, batchBytes } = flags
  const { key: _, value: __, topics: ___, transactionalId: ____, handleSignals: _____, ...ofFile } = settings.producer
  return {
    ...settings.connection,
    ...ofFile,
    logger: new CommandLogger(logLevel(flags)),
    ...(partitioner !== undefined && { partitioner }),
    ...(compression !== undefined && { compression }),
    ...(compressionLevel !== undefined && { compressionLevel }),
    ...(acks !== undefined && { acks }),
    ...(!idempotent && { idempotent }),
    ...(linger !== undefined && { lingerMs: linger }),
    ...(batchBytes !== undefined && { batchBytes }),
    ...(flags.deliveryTimeout !== undefined && { deliveryTimeoutMs: flags.deliveryTimeout }),
  }
}
