import type { Cluster } from './cluster.ts'
import { Partition } from './partition.ts'
import { randomId } from './random-id.ts'
import { Refusal } from './refusal.ts'
import { assignmentsGiven, type NodeNumbers, spread } from './replicas.ts'
import { checkedTopicConfig, TopicConfig } from './topic-config.ts'
import { checkTopicName, withoutPunctuation } from './topic-name.ts'

export interface Topic {
  readonly name: string
  /** 22 letters of base64url; a topic made again under the same name has another. */
  readonly id: string
  readonly config: TopicConfig
  readonly partitions: readonly Partition[]
}

export interface NewTopic {
  readonly name: string
  /** Default, and what -1 means: `num.partitions` of the broker. */
  readonly partitions?: number
  /** Default, and what -1 means: `default.replication.factor` of the broker. */
  readonly replicas?: number
  /** The nodes of each partition, the preferred leader first; then neither number is given. */
  readonly assignments?: readonly NodeNumbers[]
  /** Topic settings under Kafka's names. */
  readonly config?: ReadonlyMap<string, string | null>
}

/** A topic that could be made: everything about it was checked. */
export interface TopicPlan {
  readonly name: string
  readonly id: string
  readonly config: TopicConfig
  readonly assignments: readonly NodeNumbers[]
}

/** What clients may make the broker keep. */
const mostTopics = 10_000
const mostPartitions = 20_000

/** All topics by name and by id. */
export class Topics {
  readonly #cluster: Cluster
  readonly #byName = new Map<string, Topic & { readonly partitions: Partition[] }>()
  readonly #byId = new Map<string, Topic>()
  /** Names in which periods are underscores: two such names would be one in Kafka's metrics. */
  readonly #collisions = new Map<string, string>()
  #partitions = 0
  /** Where the next partition's leader goes, so that leaders are spread over all topics. */
  #turn = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  get(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  byId(id: string): Topic | undefined {
    return this.#byId.get(id)
  }

  [Symbol.iterator](): Iterator<Topic> {
    return this.#byName.values()
  }

  /**
   * Checks all about a topic without making it.
   * @throws {Refusal}
   */
  plan({ name, partitions = -1, replicas = -1, assignments, config = new Map() }: NewTopic): TopicPlan {
    checkTopicName(name)
    if (this.#byName.has(name)) throw new Refusal('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
    const collides = this.#collisions.get(withoutPunctuation(name))
    if (collides !== undefined) {
      throw new Refusal('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${collides}`)
    }
    if (this.#byName.size >= mostTopics) {
      throw new Refusal('POLICY_VIOLATION', `This broker holds ${mostTopics} topics at most.`)
    }
    const { config: brokers, random } = this.#cluster
    const own = checkedTopicConfig(config)
    return {
      name,
      id: randomId(random),
      config: new TopicConfig(brokers, own),
      assignments: assignments ? this.#given(assignments, partitions, replicas) : this.#spread(partitions, replicas),
    }
  }

  /** Makes a topic that was planned just now. */
  add({ name, id, config, assignments }: TopicPlan): Topic {
    const made = { name, id, config, partitions: [] }
    this.#byName.set(name, made)
    this.#byId.set(id, made)
    this.#collisions.set(withoutPunctuation(name), name)
    this.#extend(made, assignments)
    return made
  }

  /** @throws {Refusal} */
  create(topic: NewTopic): Topic {
    return this.add(this.plan(topic))
  }

  delete(topic: Topic): void {
    this.#byName.delete(topic.name)
    this.#byId.delete(topic.id)
    this.#collisions.delete(withoutPunctuation(topic.name))
    this.#partitions -= topic.partitions.length
    for (const partition of topic.partitions) partition.close()
    this.#cluster.groups.topicDeleted(topic.name)
  }

  /**
   * Adds partitions until there are `count`; `assignments` are those of the new ones.
   * @throws {Refusal}
   */
  grow(
    { name, partitions }: Topic,
    count: number,
    { assignments, validateOnly = false }: { assignments?: readonly NodeNumbers[]; validateOnly?: boolean } = {},
  ): void {
    const { length } = partitions
    const added = count - length
    if (added < 0) {
      const why = `The topic ${name} currently has ${length} partition(s); ${count} would not be an increase.`
      throw new Refusal('INVALID_PARTITIONS', why)
    }
    if (added === 0) throw new Refusal('INVALID_PARTITIONS', `Topic already has ${length} partition(s).`)
    if (assignments !== undefined && assignments.length !== added) {
      const why = `${added} partition(s) are to be added, but ${assignments.length} assignment(s) were given.`
      throw new Refusal('INVALID_REPLICA_ASSIGNMENT', why)
    }
    this.#checkRoom(added)
    const { nodes } = this.#cluster
    const replicas = partitions[0]?.replicas.length ?? 1
    const placed = assignments
      ? assignmentsGiven(nodes, assignments, replicas)
      : spread(nodes, { partitions: added, replicas, turn: this.#turn })
    const topic = this.#byName.get(name)
    if (!validateOnly && topic !== undefined) this.#extend(topic, placed)
  }

  /** Tells every partition that nodes came or went, so that it looks for its leader. */
  nodesChanged(): void {
    for (const topic of this.#byName.values()) {
      for (const partition of topic.partitions) partition.nodesChanged()
    }
  }

  close(): void {
    for (const topic of this.#byName.values()) {
      for (const partition of topic.partitions) partition.close()
    }
  }

  #given(assignments: readonly NodeNumbers[], partitions: number, replicas: number): NodeNumbers[] {
    if (partitions !== -1 || replicas !== -1) {
      const why = 'Replica assignments were given, so the numbers of partitions and of replicas must be -1.'
      throw new Refusal('INVALID_REQUEST', why)
    }
    this.#checkRoom(assignments.length)
    return assignmentsGiven(this.#cluster.nodes, assignments)
  }

  /** -1: as many as the settings of the brokers say. */
  #spread(partitions: number, replicas: number): NodeNumbers[] {
    const { nodes, config } = this.#cluster
    if (partitions === 0 || partitions < -1) {
      throw new Refusal('INVALID_PARTITIONS', 'The number of partitions must be above 0, or -1.')
    }
    const count = partitions === -1 ? config.number('num.partitions') : partitions
    this.#checkRoom(count)
    const factor = replicas === -1 ? config.number('default.replication.factor') : replicas
    return spread(nodes, { partitions: count, replicas: factor, turn: this.#turn })
  }

  #extend(topic: Topic & { readonly partitions: Partition[] }, assignments: readonly NodeNumbers[]): void {
    for (const replicas of assignments) {
      topic.partitions.push(new Partition(this.#cluster, topic, topic.partitions.length, replicas))
    }
    this.#partitions += assignments.length
    this.#turn += assignments.length
  }

  #checkRoom(partitions: number): void {
    if (this.#partitions + partitions > mostPartitions) {
      throw new Refusal('POLICY_VIOLATION', `This broker holds ${mostPartitions} partitions at most, of all topics.`)
    }
  }
}
