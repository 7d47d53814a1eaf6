/** A difference between Kafka 4.1.1 and the embedded broker that stays. */
export interface Listed {
  /** Of `differences`. */
  readonly lines: RegExp
  readonly kafka: string
  readonly ours: string
  readonly why: string
}

export const listed: readonly Listed[] = [
  {
    lines: /^produce under a config v\d+ > no key, compressed > /,
    kafka: 'refuses records without a key in a compressed batch for a compacted topic',
    ours: 'appends them, and drops them at the next compaction',
    why: 'producing does not inflate',
  },
  {
    lines: /^produce what is wrong v\d+ > a compression that it has not > .*(errorCode: Kafka -1, ours 0|baseOffset)/,
    kafka: 'inflates, and answers UNKNOWN_SERVER_ERROR when that fails',
    ours: 'appends a batch whose checksum is right; who fetches it finds it corrupt',
    why: 'producing does not inflate; and a test gets a corrupt batch this way',
  },
  {
    lines: /^produce what is wrong v[56] > a compression that is unknown > .*logStartOffset: Kafka -1, ours 0$/,
    kafka: 'refuses a codec that does not exist before it looks for the log, when the version does not know zstd',
    ours: 'looks for the log first',
    why: 'nobody reads the start of the log from an error',
  },
  {
    lines: /^fetch v\d+ > an unknown isolation > /,
    kafka:
      'answers UNKNOWN_SERVER_ERROR without a word about the partitions, or with an empty list of aborted transactions',
    ours: 'answers UNKNOWN_SERVER_ERROR for each partition',
    why: 'no client sends it',
  },
  {
    lines: /^fetch v1[678] > as a replica > .nodeEndpoints\[1\]: Kafka absent/,
    kafka: 'tells replicas no addresses',
    ours: 'tells whoever asks where the leader is',
    why: 'there are no replicas that fetch',
  },
  {
    lines: /^delete records v\d+ > kind -3 afterwards > /,
    kafka: 'finds the latest timestamp in a segment whose records are deleted, until the segment goes',
    ours: 'finds none in an empty log',
    why: 'there are no segments',
  },
  {
    lines:
      /^a node that is lost > topic partitions > .*(eligibleLeaderReplicas|lastKnownElr)\[0\]: Kafka 3, ours absent$/,
    kafka: 'remembers the last in-sync replicas of a partition without a leader (KIP-966)',
    ours: 'remembers none',
    why: 'nodes share their logs: whichever replica comes back first has everything',
  },
  {
    lines: /^alter configs v\d+ > an unknown operation > .*(errorCode: Kafka -1, ours 42|errorMessage)/,
    kafka: 'answers UNKNOWN_SERVER_ERROR',
    ours: 'answers INVALID_REQUEST and says why',
    why: 'Kafka fails there by accident',
  },
  {
    lines: /^create topics with configs v\d+ > spaces > .*value: Kafka " 5 ", ours "5"$/,
    kafka: 'shows a setting with the spaces that were around it',
    ours: 'shows what it stands for',
    why: 'it is kept as it is used',
  },
  {
    lines: /^describe configs v\d+ > documented > .*documentation: Kafka "some text", ours null$/,
    kafka: 'has documentation of its settings',
    ours: 'has none',
    why: "it would be Kafka's own words",
  },
  {
    lines: /^list transactions v2 > by a pattern > /,
    kafka: 'lists transactions whose id matches a pattern',
    ours: 'answers INVALID_REGULAR_EXPRESSION to every pattern',
    why: "patterns from outside can hold JavaScript's engine for ever",
  },
  {
    lines: /^describe transactions v0 > open > .*topics\[__consumer_offsets\]: .*, ours absent$/,
    kafka: 'names the partition of __consumer_offsets when offsets are in the transaction',
    ours: 'names topics of users only',
    why: 'there is no such topic',
  },
  {
    lines: /^describe transactions v0 > complete by an abort > .*transactionStates\[transaction #2\]: .*, ours absent$/,
    kafka: 'describes a transaction as often as it is asked for in one request',
    ours: 'describes it once',
    why: 'a small request has no large answer',
  },
]

/** The same about who is let in, and who may do what. */
export const listedOfGuards: readonly Listed[] = [
  {
    lines: /^sasl SCRAM-SHA-\d+ > to the end, a short proof > : Kafka "closed"/,
    kafka: 'closes the connection without an answer when the proof of SCRAM is shorter than a hash',
    ours: 'answers SASL_AUTHENTICATION_FAILED, as to any wrong proof',
    why: 'in Kafka it is an exception that nobody expected',
  },
  {
    lines: /^sasl oauthbearer > without an algorithm(: gives up)? > /,
    kafka: 'closes the connection without an answer when a token names no algorithm',
    ours: 'refuses the token',
    why: 'in Kafka it is an exception that nobody expected',
  },
]
