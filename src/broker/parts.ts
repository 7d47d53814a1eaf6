import type { ApiName } from '../protocol/apis.ts'

/** A list in a request, and the list in its answer that has an element for each of its elements. */
export interface Parts {
  /** What an element stands for. */
  readonly kind: 'topic' | 'partition' | 'group' | 'other'
  readonly asked: string
  /** The field of an asked element that names it; null: the element itself is the name. */
  readonly askedName: string | null
  readonly answered: string
  readonly name: string
  /** The field of an answered element that has its error; null: only elements of the list within have one. */
  readonly error: string | null
  /** What an element with an error says beside its name, where that is not the default. */
  readonly blank: Readonly<Record<string, unknown>>
  /** Whether an element with an error still says the rest. */
  readonly keeps: boolean
  /** Whether an element with an error says in words what is wrong. */
  readonly explains: boolean
  readonly within: Parts | null
}

type Difference = Partial<Parts>

/** Topics under their usual names, with errors of their own. */
function topics(difference: Difference = {}): Parts {
  return {
    kind: 'topic',
    asked: 'topics',
    askedName: 'name',
    answered: 'topics',
    name: 'name',
    error: 'errorCode',
    blank: {},
    keeps: false,
    explains: false,
    within: null,
    ...difference,
  }
}

function partitions(difference: Difference = {}): Parts {
  const index = { asked: 'partitions', answered: 'partitions', askedName: 'partitionIndex', name: 'partitionIndex' }
  return topics({ kind: 'partition', ...index, ...difference })
}

/** Topics whose partitions alone have errors. */
function topicPartitions(ofTopics: Difference = {}, ofPartitions: Difference = {}): Parts {
  return topics({ error: null, within: partitions(ofPartitions), ...ofTopics })
}

function groups(difference: Difference): Parts {
  return topics({ kind: 'group', asked: 'groups', askedName: null, answered: 'groups', name: 'groupId', ...difference })
}

const plainIndexes: Difference = { asked: 'partitionIndexes', askedName: null }
const committed = topicPartitions({}, { ...plainIndexes, blank: { committedOffset: -1, metadata: '' } })
const led = topics({ within: partitions({ blank: { leaderId: -1 }, keeps: true }) })
const resources: Difference = { asked: 'resources', askedName: 'resourceName', name: 'resourceName', explains: true }
const inTransaction = topicPartitions(
  { answered: 'topicResults' },
  { askedName: null, answered: 'resultsByPartition', error: 'partitionErrorCode' },
)

/** Requests that name partitions, or tell of them. */
const partitionParts = {
  Produce: [
    topicPartitions(
      { asked: 'topicData', answered: 'responses' },
      {
        asked: 'partitionData',
        askedName: 'index',
        answered: 'partitionResponses',
        name: 'index',
        blank: { baseOffset: -1 },
      },
    ),
  ],
  Fetch: [
    topicPartitions(
      { askedName: 'topic', answered: 'responses', name: 'topic' },
      { askedName: 'partition', blank: { highWatermark: -1, records: Buffer.alloc(0) } },
    ),
  ],
  ListOffsets: [topicPartitions()],
  Metadata: [led],
  OffsetCommit: [topicPartitions()],
  OffsetFetch: [committed, groups({ askedName: 'groupId', within: committed })],
  DeleteRecords: [topicPartitions({}, { blank: { lowWatermark: -1 } })],
  OffsetForLeaderEpoch: [
    topicPartitions({ askedName: 'topic', name: 'topic' }, { askedName: 'partition', name: 'partition' }),
  ],
  AddPartitionsToTxn: [
    { ...inTransaction, asked: 'v3AndBelowTopics', answered: 'resultsByTopicV3AndBelow' },
    topics({
      kind: 'other',
      asked: 'transactions',
      askedName: 'transactionalId',
      answered: 'resultsByTransaction',
      name: 'transactionalId',
      error: null,
      within: inTransaction,
    }),
  ],
  TxnOffsetCommit: [topicPartitions()],
  OffsetDelete: [topicPartitions()],
  DescribeProducers: [topicPartitions({}, plainIndexes)],
  DescribeTopicPartitions: [led],
} satisfies { [N in ApiName]?: readonly Parts[] }

/** Requests that name topics. */
const topicParts = {
  ...partitionParts,
  CreateTopics: [topics({ explains: true })],
  DeleteTopics: [
    topics({ answered: 'responses', explains: true }),
    topics({ asked: 'topicNames', askedName: null, answered: 'responses', explains: true }),
  ],
  CreatePartitions: [topics({ answered: 'results' })],
  DescribeConfigs: [topics({ ...resources, answered: 'results' })],
  IncrementalAlterConfigs: [topics({ ...resources, answered: 'responses' })],
  AlterConfigs: [topics({ ...resources, answered: 'responses' })],
} satisfies { [N in ApiName]?: readonly Parts[] }

const otherParts = {
  FindCoordinator: [
    groups({ asked: 'coordinatorKeys', answered: 'coordinators', name: 'key', blank: { nodeId: -1, port: -1 } }),
  ],
  DescribeGroups: [groups({})],
  DeleteGroups: [groups({ asked: 'groupsNames', answered: 'results' })],
  DescribeTransactions: [
    groups({ kind: 'other', asked: 'transactionalIds', answered: 'transactionStates', name: 'transactionalId' }),
  ],
} satisfies { [N in ApiName]?: readonly Parts[] }

/** An element of the answer for each of the request, which have no names: their places tell which is which. */
const nameless = {
  CreateAcls: [topics({ kind: 'other', asked: 'creations', answered: 'results' })],
  DeleteAcls: [topics({ kind: 'other', asked: 'filters', answered: 'filterResults' })],
} satisfies { [N in ApiName]?: readonly Parts[] }

const all: { readonly [N in ApiName]?: readonly Parts[] } = { ...topicParts, ...otherParts, ...nameless }

/** APIs whose requests name partitions. */
export type PartitionApi = keyof typeof partitionParts
/** APIs whose requests name topics. */
export type TopicApi = keyof typeof topicParts

/** The lists of a request; those that its version lacks are empty. */
export function partsOf(name: ApiName): readonly Parts[] {
  return all[name] ?? []
}

export function namesPartitions(name: ApiName): name is PartitionApi {
  return Object.hasOwn(partitionParts, name)
}

export function namesTopics(name: ApiName): name is TopicApi {
  return Object.hasOwn(topicParts, name)
}

/** Whether the elements of its lists are told apart by their places alone. */
export function isNameless(name: ApiName): boolean {
  return Object.hasOwn(nameless, name)
}
