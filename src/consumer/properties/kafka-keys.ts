import type { OptionError } from '../../base/errors.ts'
import type { StrategyName } from '../../ownership/assignors/strategies.ts'
import type { Draft } from './draft.ts'
import type { Entry } from './entry.ts'
import {
  always,
  any,
  boolean,
  decimal,
  ignored,
  type Key,
  type Keys,
  list,
  ms,
  part,
  sets,
  text,
  whole,
} from './key.ts'

const javaStrategies: Readonly<Record<string, StrategyName>> = {
  RangeAssignor: 'range',
  RoundRobinAssignor: 'round-robin',
  StickyAssignor: 'sticky',
  CooperativeStickyAssignor: 'cooperative-sticky',
}
/** As librdkafka, and we, name them. */
const plainStrategies: Readonly<Record<string, StrategyName>> = {
  range: 'range',
  roundrobin: 'round-robin',
  'round-robin': 'round-robin',
  sticky: 'sticky',
  'cooperative-sticky': 'cooperative-sticky',
}

function strategies(entry: Entry): StrategyName[] {
  return entry.list().map(name => {
    const strategy = plainStrategies[name] ?? javaStrategies[name.replace('org.apache.kafka.clients.consumer.', '')]
    if (strategy !== undefined) return strategy
    throw entry.wrong(
      `has '${name}', which is none of Kafka's: ${Object.keys(javaStrategies).join(', ')}. A strategy of your own is given as the ` +
        'option ownership.strategies',
    )
  })
}

const offsetReset: Key = {
  option: 'offsets.start, fetch.onOutOfRange',
  byDefault: null,
  read: (entry, draft) => {
    const value = entry.value.toLowerCase()
    if (value === 'earliest' || value === 'latest') {
      draft.set('offsets.start', value, entry)
      draft.set('fetch.onOutOfRange', value, entry)
    } else if (value === 'none') {
      draft.set('fetch.onOutOfRange', 'fail', entry)
      draft.note('changed', entry, 'is for offsets out of range alone: without a commit, offsets.start decides')
    } else if (value.startsWith('by_duration:')) {
      draft.set('offsets.start', { timestamp: Date.now() - isoDuration(entry) }, entry)
      draft.note('changed', entry, 'is counted from now on, and only where nothing was committed')
    } else throw wrongReset(entry)
  },
}

function wrongReset(entry: Entry): OptionError {
  const hint = { smallest: '; smallest is earliest now', largest: '; largest is latest now' }[entry.value] ?? ''
  return entry.wrong(`must be earliest, latest, none or by_duration:P…, not '${entry.value}'${hint}`)
}

/** `P1DT2H30M`: days and smaller, as Java's durations. */
function isoDuration(entry: Entry): number {
  const [, ...amounts] =
    /^by_duration:P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i.exec(entry.value) ?? []
  if (amounts.length === 0) throw entry.expected('by_duration:PnDTnHnMnS, such as by_duration:P7D')
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = amounts.map(amount => Number(amount ?? 0))
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000)
}

const groupProtocol: Key = {
  option: null,
  byDefault: null,
  read: (entry, draft) => {
    if (entry.oneOf({ classic: false, consumer: true })) {
      draft.note('changed', entry, 'is the classic one here, which the same brokers have: this release speaks no other')
    }
  },
}

const autoCommit: Key = {
  option: null,
  byDefault: null,
  read: (entry, draft) => {
    if (!entry.boolean()) {
      draft.ignore(entry, 'what is done is always committed, and nothing else. Without a group nothing is')
    }
  },
}

const measured = 'what is measured is given to the option metrics'
const java = 'it is about Java'
const fetched = 'it is asked for with growing waits'
const kerberos = 'Kerberos is not spoken'
const tokens = 'tokens come from the option sasl.token'

/** Every key of Kafka 4.1's consumer. */
export const kafkaKeys: Keys = {
  'bootstrap.servers': sets('brokers', entry => (entry.list().length > 0 ? entry.list() : entry.text())),
  'client.dns.lookup': always('use_all_dns_ips', text, 'all addresses of a name are tried'),
  'client.id': sets('clientId', entry => entry.value || undefined),
  'client.rack': sets('rack', entry => entry.value || undefined),
  'group.id': sets('group', entry => entry.value || undefined),
  'group.instance.id': sets('ownership.instanceId', text),
  'group.protocol': groupProtocol,
  'group.remote.assignor': ignored(text, 'members divide the partitions themselves'),
  'session.timeout.ms': sets('ownership.sessionTimeoutMs', ms),
  'heartbeat.interval.ms': part('ownership.heartbeatIntervalMs', ms),
  'max.poll.interval.ms': part('ownership.rebalanceTimeoutMs', ms),
  'max.poll.records': ignored(whole, 'handlers take single messages, or batches whose size batch() says'),
  'partition.assignment.strategy': sets('ownership.strategies', strategies),
  'metadata.max.age.ms': sets('ownership.refreshMs', ms),
  'exclude.internal.topics': always(true, boolean, 'it is the option internal of a route'),
  'allow.auto.create.topics': always(false, boolean, 'asking for a topic never creates it'),

  'auto.offset.reset': offsetReset,
  'enable.auto.commit': autoCommit,
  'auto.commit.interval.ms': sets('offsets.commitIntervalMs', ms),

  'fetch.min.bytes': sets('fetch.minBytes', whole),
  'fetch.max.bytes': sets('fetch.maxBytes', whole),
  'fetch.max.wait.ms': sets('fetch.maxWaitMs', ms),
  'max.partition.fetch.bytes': sets('fetch.partitionMaxBytes', whole),
  'isolation.level': sets('fetch.isolation', entry =>
    entry.oneOf({ read_committed: 'read_committed', read_uncommitted: 'read_uncommitted' }),
  ),
  'check.crcs': always(true, boolean, 'checksums are always checked'),

  'request.timeout.ms': sets('requestTimeoutMs', ms),
  'default.api.timeout.ms': ignored(ms, 'each request has requestTimeoutMs'),
  'socket.connection.setup.timeout.ms': sets('connectTimeoutMs', ms),
  'socket.connection.setup.timeout.max.ms': ignored(ms, 'each attempt has connectTimeoutMs'),
  'reconnect.backoff.ms': sets('reconnect.minMs', ms),
  'reconnect.backoff.max.ms': sets('reconnect.maxMs', ms),
  'retry.backoff.ms': ignored(ms, fetched),
  'retry.backoff.max.ms': ignored(ms, fetched),
  'connections.max.idle.ms': ignored(ms, 'a connection is kept as long as the broker keeps it'),
  'metadata.recovery.strategy': always(
    'rebootstrap',
    entry => entry.value.toLowerCase(),
    'the first brokers are asked again',
  ),
  'metadata.recovery.rebootstrap.trigger.ms': ignored(ms, 'the first brokers are asked when no other one answers'),
  'send.buffer.bytes': ignored(whole, "buffers are the system's"),
  'receive.buffer.bytes': ignored(whole, "buffers are the system's"),

  'key.deserializer': ignored(any, 'it is the option key of a route'),
  'value.deserializer': ignored(any, 'it is the option value of a route'),
  'interceptor.classes': ignored(any, java),
  'enable.metrics.push': ignored(boolean, measured),
  'metric.reporters': ignored(any, measured),
  'auto.include.jmx.reporter': ignored(boolean, measured),
  'metrics.num.samples': ignored(whole, measured),
  'metrics.recording.level': ignored(text, measured),
  'metrics.sample.window.ms': ignored(ms, measured),
  'internal.leave.group.on.close': ignored(boolean, 'it is the option leave of close()'),
  'internal.throw.on.fetch.stable.offset.unsupported': ignored(boolean, java),
  'share.acknowledgement.mode': ignored(text, 'share groups are not spoken'),

  'security.protocol': part('tls, sasl', text),
  'security.providers': ignored(any, java),
  'ssl.truststore.type': part('tls.ca', text),
  'ssl.truststore.location': part('tls.ca', text),
  'ssl.truststore.certificates': part('tls.ca', text),
  'ssl.truststore.password': ignored(any, 'a PEM file has none'),
  'ssl.keystore.type': part('tls.cert, tls.key, tls.pfx', text),
  'ssl.keystore.location': part('tls.cert, tls.key, tls.pfx', text),
  'ssl.keystore.certificate.chain': part('tls.cert', text),
  'ssl.keystore.key': part('tls.key', text),
  'ssl.keystore.password': part('tls.passphrase', any),
  'ssl.key.password': part('tls.passphrase', any),
  'ssl.endpoint.identification.algorithm': part('tls.checkServerIdentity', any),
  'ssl.enabled.protocols': part('tls.minVersion, tls.maxVersion', list),
  'ssl.cipher.suites': part('tls.ciphers', list),
  'ssl.protocol': ignored(text, 'ssl.enabled.protocols decides'),
  'ssl.provider': ignored(any, java),
  'ssl.keymanager.algorithm': ignored(any, java),
  'ssl.trustmanager.algorithm': ignored(any, java),
  'ssl.secure.random.implementation': ignored(any, java),
  'ssl.engine.factory.class': ignored(any, java),

  'sasl.mechanism': part('sasl.mechanism', text),
  'sasl.jaas.config': part('sasl.username, sasl.password', text),
  'sasl.client.callback.handler.class': ignored(any, java),
  'sasl.login.callback.handler.class': ignored(any, tokens),
  'sasl.login.class': ignored(any, java),
  'sasl.login.connect.timeout.ms': ignored(ms, tokens),
  'sasl.login.read.timeout.ms': ignored(ms, tokens),
  'sasl.login.retry.backoff.ms': ignored(ms, tokens),
  'sasl.login.retry.backoff.max.ms': ignored(ms, tokens),
  'sasl.login.refresh.window.factor': ignored(decimal, tokens),
  'sasl.login.refresh.window.jitter': ignored(decimal, tokens),
  'sasl.login.refresh.min.period.seconds': ignored(whole, tokens),
  'sasl.login.refresh.buffer.seconds': ignored(whole, tokens),
  'sasl.kerberos.service.name': ignored(any, kerberos),
  'sasl.kerberos.kinit.cmd': ignored(any, kerberos),
  'sasl.kerberos.ticket.renew.window.factor': ignored(decimal, kerberos),
  'sasl.kerberos.ticket.renew.jitter': ignored(decimal, kerberos),
  'sasl.kerberos.min.time.before.relogin': ignored(ms, kerberos),
  ...oauthKeys(),
}

/** How Java comes by a token. */
function oauthKeys(): Keys {
  const names = [
    'assertion.algorithm',
    'assertion.claim.aud',
    'assertion.claim.exp.seconds',
    'assertion.claim.iss',
    'assertion.claim.jti.include',
    'assertion.claim.nbf.seconds',
    'assertion.claim.sub',
    'assertion.file',
    'assertion.private.key.file',
    'assertion.private.key.passphrase',
    'assertion.template.file',
    'client.credentials.client.id',
    'client.credentials.client.secret',
    'clock.skew.seconds',
    'expected.audience',
    'expected.issuer',
    'header.urlencode',
    'jwks.endpoint.refresh.ms',
    'jwks.endpoint.retry.backoff.max.ms',
    'jwks.endpoint.retry.backoff.ms',
    'jwks.endpoint.url',
    'jwt.retriever.class',
    'jwt.validator.class',
    'scope',
    'scope.claim.name',
    'sub.claim.name',
    'token.endpoint.url',
  ]
  return Object.fromEntries(names.map(name => [`sasl.oauthbearer.${name}`, ignored(any, tokens)]))
}

/** Kafka's limit is the session timeout itself. */
export function finishHeartbeat(draft: Draft): void {
  const entry = draft.parts.get('heartbeat.interval.ms')
  if (entry === undefined) return
  const session = draft.setBy.get('ownership.sessionTimeoutMs')?.ms() ?? 45_000
  const most = Math.floor(session / 3)
  if (entry.ms() > most) draft.note('changed', entry, `is ${most} here: at most a third of session.timeout.ms`)
  draft.set('ownership.heartbeatIntervalMs', Math.min(entry.ms(), most), entry)
}
