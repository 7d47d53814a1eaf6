import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import test from 'node:test'
import { command } from './command.ts'

/** `host:port` where nobody listens. */
async function closedPort(): Promise<string> {
  await using server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

test('help names the commands, their options, examples and exit codes', async () => {
  const [all, consume, topics, perf, broker, groups, describe, run] = await Promise.all([
    command(['--help']),
    command(['consume', '--help']),
    command(['topics', 'list', '--help']),
    command(['perf', 'consume', '--help']),
    command(['broker', '--help']),
    command(['groups', '--help']),
    command(['groups', 'describe', '--help']),
    command(['run', '--help']),
  ])
  for (const { code, stdout, stderr } of [all, consume, topics, perf, broker, describe, run]) {
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /Exit codes:\n {2}0 [\s\S]* 1 [\s\S]* 2 [\s\S]* 3 [\s\S]* 4 /)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
    assert.doesNotMatch(stdout, /\x1b/)
  }
  for (const name of ['consume', 'produce', 'run', 'topics', 'groups', 'perf', 'broker'])
    assert.match(all.stdout, new RegExp(`^ {2}${name} `, 'm'))
  for (const name of ['list', 'describe', 'members', 'delete'])
    assert.match(groups.stdout, new RegExp(`^ {2}${name} `, 'm'))
  for (const { stdout } of [consume, topics, perf, broker, describe, run])
    assert.match(stdout, /Examples:\n {2}millrace /)
  for (const { stdout } of [consume, topics, perf, describe, run]) {
    for (const option of ['--brokers', '--timeout', '--client-id', '--verbose', 'MILLRACE_BROKERS']) {
      assert.ok(stdout.includes(option), option)
    }
  }
  assert.match(consume.stdout.replaceAll(/\s+/g, ' '), /with --group only for partitions where nothing is committed/)
  assert.match(consume.stdout, /%R {2}the same as a big-endian int32/)
})

test('--version is that of the package', async () => {
  const { code, stdout } = await command(['--version'])
  assert.equal(code, 0)
  assert.match(stdout, /^\d+\.\d+\.\d+\S*\n$/)
})

test('wrong usage is one line on stderr and exit code 2, before any broker is asked', async () => {
  const wrong: [args: string[], message: RegExp][] = [
    [['consume'], /Name a topic.*--follow/],
    [['consume', '--follow', '('], /--follow.*regular expression/],
    [['consume', 'a', '--follow', 'b', '-p', '0'], /leave out --partition/],
    [['consume', 'a', '--from', '-5', '-g', 'b'], /without a group/],
    [['topics', 'create', 'a', '--partition', '2'], /Did you mean --partitions/],
    [['consume', 'a', '--nope'], /unknown option '--nope'/],
    [['consum'], /unknown command 'consum'.*consume/],
    [['consume', 'a', '--max', '0'], /--max.*whole number of at least 1/],
    [['consume', 'a', '--from', 'noon'], /--from.*ISO 8601/],
    [['consume', 'a', '--partition', 'x'], /--partition.*0-3/],
    [['consume', 'a', '--format', '%q'], /"%q" at character 1/],
    [['consume', 'a', '--json', '--format', '%s'], /cannot be used/],
    [['consume', 'a', '--brokers', 'http://a'], /"http:\/\/a" is a URL/],
    [['topics', '--config', 'none.yaml'], /none\.yaml: ENOENT/],
    [['topics', '-X', 'a'], /-X.*security\.protocol=SSL/],
    [['topics', '-X', 'group_id=a'], /-X: group_id is no key .* did you mean group\.id\?/],
    [['topics', '--sasl-mechanism', 'GSSAPI'], /--sasl-mechanism.*PLAIN, SCRAM-SHA-256, /],
    [['topics', '--sasl-mechanism', 'PLAIN', '--sasl-username', 'a'], /PLAIN needs a password: /],
    [['perf', 'consume', 'a', '--order', 'random'], /--order.*key, partition, none/],
    [['groups', 'list', '--state', 'stabel'], /--state.*stable,empty/],
    [['run', 'a.ts', '-t', 'a'], /Name the group: --group NAME/],
    [['run', 'a.ts', '-g', 'a'], /--topic NAME, --pattern REGEX/],
  ]
  const results = await Promise.all(wrong.map(([args]) => command(args)))
  for (const [at, { code, stdout, stderr }] of results.entries()) {
    const [args, message] = wrong[at] as [string[], RegExp]
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, message)
    assert.match(stderr, /^millrace: .*\n$/)
  }
})

test('without a command there is help on stderr and exit code 2', async () => {
  const { code, stdout, stderr } = await command([])
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /^Usage: millrace/)
})

test('no broker within --timeout is exit code 3, and one line tells where and why', async () => {
  const sockets = new Set<Socket>()
  await using silent = createServer(socket => sockets.add(socket))
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as { port: number }
  const closed = await closedPort()
  const began = performance.now()
  const results = await Promise.all([
    command(['consume', 'a', '--timeout', '1'], [closed]),
    command(['topics', '--timeout', '1'], [closed]),
    command(['perf', 'consume', 'a', '--timeout', '1'], [closed]),
    command(['topics', '--timeout', '1'], [`127.0.0.1:${port}`]),
    command(['topics', '--timeout', '1'], ['no-such-host.invalid:9092']),
  ])
  for (const socket of sockets) socket.destroy()
  assert.ok(performance.now() - began > 1_000)
  for (const { code, stdout, stderr } of results) {
    assert.deepEqual([code, stdout], [3, ''], stderr)
    assert.match(stderr, /^millrace: No broker was reached within 1 s at \S+: .*Check --brokers .*\n$/)
  }
  assert.match(results[0].stderr, /ECONNREFUSED/)
  assert.match(results[3].stderr, new RegExp(`127.0.0.1:${port}`))
})

test('one address that never answers leaves time for the next one', async () => {
  const sockets = new Set<Socket>()
  await using silent = createServer(socket => sockets.add(socket))
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as { port: number }
  const { stderr } = await command(['topics', '--timeout', '2'], [`127.0.0.1:${port}`, await closedPort()])
  for (const socket of sockets) socket.destroy()
  assert.match(stderr, /ECONNREFUSED/)
})

test('--verbose tells what is tried', async () => {
  const { code, stderr } = await command(
    ['topics', '-v', '--timeout', '0.5', '-X', 'max.poll.records=1'],
    [await closedPort()],
  )
  assert.equal(code, 3)
  assert.match(stderr, /WARN millrace: .*ECONNREFUSED/)
  assert.match(stderr, /\n {4}at /)
  assert.match(stderr, /^millrace: -X: max\.poll\.records has no meaning here: .*\n/)
})
