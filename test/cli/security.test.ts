import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { until } from '../until.ts'
import { type CommandResult, RunningCommand } from './command.ts'

/** Nobody else's, so that it is found wherever it gets to. */
const password = 'pa55"word;of=shop'
const username = 'shop'

let broker: Broker
let folder: string
let properties: string
let ca: string
const started: RunningCommand[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-security-'))
  broker = await Broker.start({
    topics: { orders: 2 },
    tls: { clientAuth: 'required' },
    sasl: { users: { [username]: password } },
    config: { 'group.initial.rebalance.delay.ms': '0' },
  })
  const { cert, key } = await broker.issueCertificate('client')
  ca = await file('ca.pem', broker.ca ?? '')
  const client = await file('client.pem', `${cert}${key}`)
  await file('password', `${password}\n`)
  properties = await file(
    'client.properties',
    `bootstrap.servers=${broker.brokers.join()}
group.id=shop
security.protocol=SASL_SSL
ssl.truststore.type=PEM
ssl.truststore.location=${ca}
ssl.keystore.type=PEM
ssl.keystore.location=${client}
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\
  username="${username}" password="${password.replaceAll('"', '\\\\"')}";
`,
  )
})
after(async () => {
  for (const { child } of started) child.kill('SIGKILL')
  await broker.close()
  await rm(folder, { recursive: true })
})

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

function start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): RunningCommand {
  const command = new RunningCommand(args, { environment })
  started.push(command)
  return command
}

function run(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<CommandResult> {
  return start(args, environment).result()
}

function flags(): string[] {
  const tls = ['--tls-ca', ca, '--tls-cert', join(folder, 'client.pem')]
  return ['--brokers', broker.brokers.join(), ...tls, '--sasl-mechanism', 'SCRAM-SHA-256', '--sasl-username', username]
}

suite('a cluster that wants TLS, a certificate and a password', () => {
  test('is reached by options, by the environment, and by files', async () => {
    const yaml = await file(
      'client.yaml',
      `brokers: [${broker.brokers.join()}]
tls: { ca: ca.pem, cert: client.pem, key: client.pem }
sasl: { mechanism: PLAIN, username: ${username}, passwordFile: password }
`,
    )
    const environment = {
      MILLRACE_BROKERS: broker.brokers.join(),
      MILLRACE_TLS_CA: ca,
      MILLRACE_TLS_CERT: join(folder, 'client.pem'),
      MILLRACE_SASL_MECHANISM: 'PLAIN',
      MILLRACE_SASL_USERNAME: username,
      MILLRACE_SASL_PASSWORD: password,
    }
    const ways: [args: string[], environment?: Readonly<Record<string, string>>][] = [
      [['topics', ...flags(), '--sasl-password-file', join(folder, 'password')]],
      [['topics', 'describe', 'orders'], environment],
      [['groups', 'list'], { MILLRACE_CONFIG: yaml }],
      [['perf', 'consume', 'orders', '--config', properties]],
      [['consume', 'orders', '--until-end', '--config', properties, '--group', 'reader']],
    ]
    const results = await Promise.all(ways.map(([args, more]) => run([...args, '--timeout', '60'], more)))
    for (const { code, stderr } of results) assert.equal(code, 0, stderr)
    assert.match(results[0]?.stdout ?? '', /^orders +2 /m)
    // The group of the file is that of an application: who looks does not join it.
    assert.deepEqual(await broker.committed('shop'), [])
  })

  test('says what is wrong, in one line, with an exit code', async () => {
    const wrong = await file('wrong', 'other')
    const cases: [args: string[], code: number, RegExp][] = [
      [[...flags(), '--sasl-password-file', wrong], 1, /SCRAM-SHA-256/],
      [[...flags(), '--sasl-password-file', join(folder, 'none')], 1, /password cannot be read: ENOENT/],
      [['--brokers', broker.brokers.join(), '--tls', '--timeout', '30'], 1, /certificate/],
      [['--brokers', broker.brokers.join(), '--timeout', '2'], 3, /TLS/],
    ]
    const results = await Promise.all(cases.map(([args]) => run(['topics', ...args])))
    for (const [at, [args, code, message]] of cases.entries()) {
      assert.match(results[at]?.stderr ?? '', message, args.join(' '))
      assert.match(results[at]?.stderr ?? '', /^millrace: .*\n$/)
      assert.equal(results[at]?.code, code, results[at]?.stderr)
    }
  })

  test('no password is in what is logged, nor in the arguments of the processes of millrace run', async () => {
    await file('handler.ts', 'export default () => {}')
    const module = join(folder, 'handler.ts')
    const args = ['run', module, '-t', 'orders', '-n', '2', '--json', '-vv', '--timeout', '60', '--config', properties]
    const command = start([...args, '--sasl-password', password])
    const pids = new Set<number>()
    await until(
      'both processes are members',
      () => {
        const events = command.stderr.split('\n').filter(line => line.startsWith('{'))
        for (const line of events) {
          const { event, pid } = JSON.parse(line)
          if (event === 'running') pids.add(pid)
        }
        return pids.size === 2
      },
      90_000,
    )
    for (const pid of pids) {
      const seen = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      assert.ok(!seen.includes('pa55'), seen)
    }
    command.child.kill('SIGTERM')
    const { code, stdout, stderr } = await command.result()
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stdout + stderr, /pa55/)
    assert.match(stderr, /"event":"ended"/)
  })
})
