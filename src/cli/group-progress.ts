import { partitionName } from '../base/topic-partition.ts'
import { Admin } from '../client/admin.ts'
import { CommandLogger } from './command-logger.ts'
import { type CommonOptions, logLevel } from './connect.ts'

/** How far all members of a group are together: what is committed. */
export class GroupProgress {
  readonly #group: string
  readonly #admin: Admin

  constructor(group: string, options: CommonOptions) {
    this.#group = group
    const { connection } = options.settings
    this.#admin = new Admin({ ...connection, logger: new CommandLogger(logLevel(options, 'silent')) })
  }

  /** Committed offsets by partition; empty while they cannot be asked for, which the consumer tells too. */
  async committed(): Promise<ReadonlyMap<string, number>> {
    try {
      const offsets = (await this.#admin.groupOffsets(this.#group)).filter(({ error }) => error === null)
      return new Map(offsets.map(({ topic, partition, offset }) => [partitionName(topic, partition), offset]))
    } catch {
      return new Map()
    }
  }

  close(): Promise<void> {
    return this.#admin.close()
  }
}
