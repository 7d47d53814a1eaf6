import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { Command } from 'commander'
import { withCommonOptions } from '../../src/cli/common-options.ts'
import type { ConfiguredClient } from '../../src/cli/config-file.ts'
import { readerOptions } from '../../src/cli/connect.ts'
import { writerOptions } from '../../src/cli/producer-settings.ts'
import type { Settings } from '../../src/cli/settings.ts'

let folder = ''
const inherited = { ...process.env }
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-settings-'))
  for (const name of Object.keys(process.env)) if (name.startsWith('MILLRACE_')) delete process.env[name]
})
after(async () => {
  Object.assign(process.env, inherited)
  await rm(folder, { recursive: true })
})

/** Writes a file of the folder; its path. */
async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

/** What a command with these arguments works with. */
async function settings(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  client: ConfiguredClient = 'consumer',
): Promise<Settings> {
  Object.assign(process.env, environment)
  try {
    let found: Settings | undefined
    const command = withCommonOptions(new Command().exitOverride().configureOutput({ writeErr: () => {} }), client)
    command.action((options: { settings: Settings }) => {
      found = options.settings
    })
    await command.parseAsync(args, { from: 'user' })
    assert.ok(found !== undefined)
    return found
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name]
  }
}

async function connection(args: readonly string[], environment?: Readonly<Record<string, string>>) {
  return (await settings(args, environment)).connection
}

test('every option that commands have in common can be said by a variable of its name', () => {
  const { options } = withCommonOptions(new Command())
  assert.ok(options.length > 15)
  for (const { long = '', envVar, description } of options) {
    if (long === '--property' || long === '--verbose') continue
    const variable = `MILLRACE_${long.slice(2).replaceAll('-', '_').toUpperCase()}`
    assert.ok(envVar === variable || description.includes(`(env: ${variable})`), long)
  }
})

test('without anything it is a broker of this machine', async () => {
  assert.deepEqual(await settings([]), {
    connection: { brokers: ['localhost:9092'], clientId: 'millrace' },
    consumer: {},
    producer: {},
    notes: [],
  })
})

describe('an option goes before -X, that before the environment, and all before the file', () => {
  const all = {
    option: ['--brokers', 'option:1', '--client-id', 'option'],
    property: ['-X', 'bootstrap.servers=property:1', '-X', 'client.id=property'],
    environment: { MILLRACE_BROKERS: 'environment:1', MILLRACE_CLIENT_ID: 'environment' },
  }
  const files: Readonly<Record<string, string>> = {
    'order.properties': 'bootstrap.servers=file:1\nclient.id=file\n',
    'order.json': '{ "brokers": ["file:1"], "clientId": "file" }',
    'order.yaml': 'brokers: file:1\nclientId: file\n',
    'order.mjs': "export default { brokers: ['file:1'], clientId: 'file' }",
    'order.ts': "export default { brokers: ['file:1'] as string[], clientId: 'file' }",
  }
  for (const [name, content] of Object.entries(files)) {
    test(name, async () => {
      const config = ['--config', await file(name, content)]
      const steps: [string, readonly string[], Readonly<Record<string, string>>][] = [
        ['option', [...all.option, ...all.property, ...config], all.environment],
        ['property', [...all.property, ...config], all.environment],
        ['environment', config, all.environment],
        ['file', config, {}],
      ]
      for (const [first, args, environment] of steps) {
        assert.deepEqual(await connection(args, environment), { brokers: [`${first}:1`], clientId: first }, first)
      }
    })
  }
})

test('a property of the command line is a line of the file, and takes the place of one that is there', async () => {
  const path = await file('line.properties', 'fetch.min.bytes=1\nfetch.max.bytes=1000\nmax.poll.records=7\n')
  const { consumer, notes } = await settings(['--config', path, '-X', 'fetch.min.bytes=5', '-X', 'group.id=shop'])
  assert.deepEqual(consumer, { group: 'shop', fetch: { maxBytes: 1_000, minBytes: 5 } })
  assert.match(notes.join('\n'), /^line\.properties, line 3: max\.poll\.records has no meaning here: /)
  await assert.rejects(
    settings(['-X', 'fetch.min.byte=5']),
    /^OptionError: -X: fetch\.min\.byte is no key .*fetch\.min\.bytes\?$/,
  )
})

test('the environment names the file and its dialect', async () => {
  const path = await file('go.properties', 'bootstrap.servers=file:1\nnum.workers=3\n')
  const environment = { MILLRACE_CONFIG: path, MILLRACE_DIALECT: 'go' }
  const { connection, consumer } = await settings([], environment)
  assert.equal(connection.clientId, 'go-client')
  assert.equal(consumer.work?.perPartition, 3)
  await assert.rejects(settings(['--dialect', 'kafka'], environment), /num\.workers is a key of Go Kafka Client/)
})

describe('a file of options', () => {
  test('has all options of a consumer', async () => {
    const path = await file(
      'whole.yaml',
      `brokers: [one:1, two:2]
group: shop
fetch: { reservoir: { messages: 100 } }
work: { concurrency: 64, backoff: { minMs: 10, maxMs: 500 } }
offsets: { start: latest }
`,
    )
    const { connection, consumer } = await settings(['--config', path])
    assert.deepEqual(connection.brokers, ['one:1', 'two:2'])
    assert.equal(consumer.group, 'shop')
    assert.equal(consumer.work?.backoff?.maxMs, 500)
    assert.equal(consumer.offsets?.start, 'latest')
  })

  const wrong: [name: string, content: string, RegExp][] = [
    [
      'a.json',
      '{ "brokers": ["a"], "grup": "x" }',
      /^OptionError: a\.json: grup is not an option; known here: brokers/,
    ],
    [
      'b.yaml',
      'work: { concurrency: many }',
      /^OptionError: b\.yaml: work\.concurrency must be a whole number .*'many'$/,
    ],
    [
      'c.json',
      '{\n  "sasl": { "password": "hush" }\n  "x" }',
      /^OptionError: c\.json: it is not JSON: see line 3, column 3$/,
    ],
    ['d.yaml', 'sasl:\n  password: "hush\n', /^OptionError: d\.yaml: line \d, column \d: it is not YAML \([A-Z_]+\)$/],
    ['e.yml', '- brokers', /^OptionError: e\.yml: it holds \['brokers'\], and options are expected$/],
    ['f.json', '', /^OptionError: f\.json: it is not JSON: see its end$/],
    ['g.mjs', 'export const brokers = []', /^OptionError: g\.mjs: it holds undefined, and options are expected$/],
    ['h.properties', 'a\nb', /^OptionError: h\.properties, line 1: a is no key that is known here$/],
  ]
  for (const [name, content, message] of wrong) {
    test(`that is wrong is named: ${name}`, async () => {
      await assert.rejects(settings(['--config', await file(name, content)]), message)
    })
  }

  test('that is not there is an error, whatever its kind', async () => {
    for (const name of ['none.properties', 'none.json', 'none.yaml', 'none.ts']) {
      await assert.rejects(settings(['--config', join(folder, name)]), /^OptionError: .*none/)
    }
  })
})

describe('TLS', () => {
  const pem = (what: string) => `-----BEGIN CERTIFICATE-----\n${what}\n-----END CERTIFICATE-----\n`

  test('each option of it means it', async () => {
    const [ca, cert, key] = await Promise.all(['ca', 'cert', 'key'].map(name => file(`${name}.pem`, pem(name))))
    assert.equal((await connection(['--tls'])).tls, true)
    assert.deepEqual((await connection(['--tls-ca', `${ca}`])).tls, { ca: Buffer.from(pem('ca')) })
    assert.deepEqual((await connection(['--tls-server-name', 'kafka', '--tls-insecure'])).tls, {
      servername: 'kafka',
      rejectUnauthorized: false,
    })
    const both = Buffer.from(pem('cert'))
    assert.deepEqual((await connection(['--tls-cert', `${cert}`])).tls, { cert: both, key: both })
    assert.deepEqual((await connection(['--tls-cert', `${cert}`, '--tls-key', `${key}`])).tls, {
      cert: both,
      key: Buffer.from(pem('key')),
    })
    await assert.rejects(connection(['--tls-ca', join(folder, 'none.pem')]), /^OptionError: --tls-ca: ENOENT/)
  })

  test('the environment may have it, and turn it off', async () => {
    assert.equal((await connection([], { MILLRACE_TLS: 'true' })).tls, true)
    assert.equal((await connection(['-X', 'group.id=x'], { MILLRACE_TLS: 'false' })).tls, false)
    assert.equal((await connection(['--tls'], { MILLRACE_TLS: 'false' })).tls, true)
    assert.deepEqual((await connection(['--tls-insecure'], { MILLRACE_TLS: 'false' })).tls, {
      rejectUnauthorized: false,
    })
    await assert.rejects(
      connection([], { MILLRACE_TLS: 'yes' }),
      /^CommandError: MILLRACE_TLS must be true or false, not 'yes'$/,
    )
  })
})

describe('SASL', () => {
  const name = ['--sasl-mechanism', 'SCRAM-SHA-256', '--sasl-username', 'alice']

  test('a password comes from the environment, a file, or an option', async () => {
    const path = await file('password', 'hush\n')
    const expected = { mechanism: 'SCRAM-SHA-256', username: 'alice', password: 'hush' }
    assert.deepEqual((await connection(name, { MILLRACE_SASL_PASSWORD: 'hush' })).sasl, expected)
    assert.deepEqual((await connection([...name, '--sasl-password', 'hush'])).sasl, expected)
    const { sasl } = await connection([...name, '--sasl-password-file', path], { MILLRACE_SASL_PASSWORD: 'other' })
    assert.ok(sasl?.mechanism === 'SCRAM-SHA-256' && typeof sasl.password === 'function')
    assert.equal(await sasl.password(), 'hush')
    await writeFile(path, 'new')
    assert.equal(await sasl.password(), 'new')
    assert.doesNotMatch(inspect(sasl, { depth: 9 }), /hush|new/)
  })

  test('a token comes from a file', async () => {
    const path = await file('token', 'abc\n')
    const { sasl } = await connection(['--sasl-mechanism', 'OAUTHBEARER', '--sasl-token-file', path])
    assert.ok(sasl?.mechanism === 'OAUTHBEARER')
    assert.deepEqual(await sasl.token(), { value: 'abc' })
  })

  test('what is missing is said', async () => {
    const cases: [readonly string[], RegExp][] = [
      [['--sasl-username', 'alice'], /^OptionError: SASL needs a mechanism: --sasl-mechanism PLAIN, /],
      [['--sasl-mechanism', 'PLAIN'], /^OptionError: PLAIN needs a name: --sasl-username/],
      [name, /^OptionError: SCRAM-SHA-256 needs a password: --sasl-password-file FILE, or MILLRACE_SASL_PASSWORD$/],
      [['--sasl-mechanism', 'OAUTHBEARER'], /^OptionError: OAUTHBEARER needs a token: --sasl-token-file FILE, /],
      [
        [...name, '--sasl-password', 'a', '--sasl-password-file', 'b'],
        /^OptionError: The SASL password is given twice/,
      ],
    ]
    for (const [args, message] of cases) await assert.rejects(connection(args), message)
  })
})

test('a reader of messages takes no group, no instance id and no work from a file', async () => {
  const content = `group: shop
ownership: { instanceId: shop-1, startup: { minMembers: 3 }, strategies: [range] }
fetch: { onOutOfRange: latest, isolation: read_uncommitted }
work: { concurrency: 3 }
offsets: { start: latest }
requestTimeoutMs: 5000
`
  const { brokers, ...options } = readerOptions(await settings(['--config', await file('reader.yaml', content)]))
  assert.deepEqual(options, {
    clientId: 'millrace',
    requestTimeoutMs: 5_000,
    fetch: { isolation: 'read_uncommitted' },
    ownership: { strategies: ['range'] },
  })
})

describe('commands that write', () => {
  const written = async (...args: string[]) => {
    const found = await settings(args, {}, 'producer')
    const { logger: _, ...options } = writerOptions({
      settings: found,
      given: { options: {}, environment: {}, properties: {}, config: null, dialect: 'kafka' },
      timeout: 1,
      verbose: 0,
      idempotent: true,
      linger: 7,
    })
    return options
  }

  test('take the properties of a producer, but its serdes and its transactional id', async () => {
    const path = await file(
      'producer.properties',
      'bootstrap.servers=a:1\nacks=1\nlinger.ms=5\nbatch.size=9\ntransactional.id=theirs\nenable.idempotence=true\n' +
        'key.serializer=org.apache.kafka.common.serialization.IntegerSerializer\n',
    )
    assert.deepEqual(await written('--config', path, '-X', 'acks=all', '-X', 'compression.type=zstd'), {
      brokers: ['a:1'],
      clientId: 'millrace',
      acks: 'all',
      idempotent: true,
      batchBytes: 9,
      compression: 'zstd',
      lingerMs: 7,
    })
    const go = await written('--dialect', 'go', '-X', 'metadata.broker.list=b:2', '-X', 'compression.codec=gzip')
    assert.deepEqual([go.brokers, go.compression, go.maxRequestBytes], [['b:2'], 'gzip', 1_000_000])
    await assert.rejects(written('-X', 'group.id=a'), /-X: group\.id is no key of a producer/)
  })

  test('take the section producer of other files, which consumers do not look at', async () => {
    const path = await file(
      'both.yaml',
      'brokers: [a:1]\ngroup: shop\nproducer: { acks: 1, lingerMs: 5, batchBytes: 9 }',
    )
    const options = { brokers: ['a:1'], clientId: 'millrace', acks: 1, lingerMs: 7, batchBytes: 9 }
    assert.deepEqual(await written('--config', path), options)
    assert.deepEqual((await settings(['--config', path])).consumer, { group: 'shop' })
    const wrong = await file('wrong.json', '{"producer":{"acks":2}}')
    await assert.rejects(written('--config', wrong), /wrong\.json: producer: acks must be .*, not 2/)
  })
})
