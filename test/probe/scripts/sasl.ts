import { type ApiName, api } from '../../../src/protocol/apis.ts'
import { decodeResponse } from '../../../src/protocol/frame.ts'
import type { Requests, Responses } from '../../../src/protocol/messages.ts'
import { encodeBearer } from '../../../src/protocol/sasl/oauthbearer.ts'
import type { Encodable } from '../../../src/protocol/shapes.ts'
import { type RawConnection, requestFrame } from '../../broker/raw-connection.ts'
import { plain, scram, unsecuredToken } from '../../broker/sasl-client.ts'
import { everyVersion, type Probe, type Script } from '../probe.ts'
import { passwords } from '../users.ts'

const secret = passwords.alice
const versions = { clientSoftwareName: 'probe', clientSoftwareVersion: '1.0' }

/** A client that nobody knows yet. What it is answered is noted, or that its connection was closed. */
class Stranger {
  readonly #probe: Probe
  readonly connection: RawConnection

  constructor(probe: Probe, connection: RawConnection) {
    this.#probe = probe
    this.connection = connection
  }

  static async of(probe: Probe): Promise<Stranger> {
    return new Stranger(probe, await probe.connect(1, null))
  }

  async say<N extends ApiName>(
    step: string,
    name: N,
    version: number,
    body: Encodable<Requests[N]>,
  ): Promise<Responses[N] | null> {
    const frame = await this.#probe.answerTo(step, this.connection.exchange(requestFrame(name, version, body)))
    const answer = frame && decodeResponse(name, version, frame)
    this.#probe.note(step, answer === null ? 'closed' : this.#seen(name, answer))
    return answer
  }

  /** Of the messages of servers the form, and errors word for word. */
  #seen(name: ApiName, answer: object): string {
    if (name !== 'SaslAuthenticate' && name !== 'SaslHandshake') return 'answered'
    const { authBytes, mechanisms, ...rest } = answer as Responses['SaslAuthenticate'] & Responses['SaslHandshake']
    const said = authBytes && { said: form(authBytes) }
    return JSON.stringify({ ...rest, ...said, ...(mechanisms && { mechanisms: [...mechanisms].sort() }) })
  }

  handshake(step: string, mechanism: string, version = 1): Promise<Responses['SaslHandshake'] | null> {
    return this.say(step, 'SaslHandshake', version, { mechanism })
  }

  authenticate(step: string, message: Buffer | string, version = 2): Promise<Responses['SaslAuthenticate'] | null> {
    return this.say(step, 'SaslAuthenticate', version, { authBytes: Buffer.from(message) })
  }

  /** Whether it may go on. */
  goOn(step: string): Promise<unknown> {
    return this.say(step, 'Metadata', 9, { topics: [], allowAutoTopicCreation: false })
  }
}

/** Nonces, salts and signatures are others each time. */
function form(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/r=[^,]+/, 'r=nonce')
    .replace(/s=[^,]+/, 's=salt')
    .replace(/v=.+/, 'v=signature')
}

type Attempt = readonly [what: string, message: Buffer | string]

/** Each with a connection of its own. */
async function attempts(probe: Probe, mechanism: string, version: number, list: readonly Attempt[]): Promise<void> {
  for (const [what, message] of list) {
    const stranger = await Stranger.of(probe)
    await stranger.handshake(`${what}: handshake`, mechanism)
    await stranger.authenticate(what, message, version)
    await stranger.goOn(`${what}, and then`)
  }
}

/** The version of SaslHandshake, and what comes before and after it. */
async function order(probe: Probe, what: string, steps: (stranger: Stranger) => Promise<unknown>): Promise<void> {
  const stranger = await Stranger.of(probe)
  await steps(stranger)
  await stranger.goOn(`${what}, and then`)
}

const saslNames: readonly ApiName[] = ['SaslHandshake', 'SaslAuthenticate', 'ApiVersions']

export const saslScripts: readonly Script[] = [
  ...everyVersion('sasl handshake', 'SaslHandshake', async (probe, version) => {
    for (const mechanism of ['PLAIN', 'OAUTHBEARER', 'plain', 'GSSAPI', '', 'SCRAM-SHA-1']) {
      const stranger = await Stranger.of(probe)
      await stranger.handshake(`'${mechanism}'`, mechanism, version)
      await stranger.goOn(`'${mechanism}', and then`)
    }
  }),
  ...everyVersion('sasl plain', 'SaslAuthenticate', (probe, version) =>
    attempts(probe, 'PLAIN', version, [
      ['right', plain('alice', secret)],
      ['right, for itself', plain('alice', secret, 'alice')],
      ['for another', plain('alice', secret, 'bob')],
      ['a wrong password', plain('alice', 'x')],
      ['an unknown user', plain('zoe', secret)],
      ['no user', plain('', secret)],
      ['no password', plain('alice', '')],
      ['no parts', 'alice'],
      ['two parts', `alice\0${secret}`],
      ['four parts', `\0alice\0${secret}\0`],
      ['nothing', ''],
    ]),
  ),
  ...(['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const).map(
    (mechanism): Script => ({
      name: `sasl ${mechanism}`,
      run: async probe => {
        await attempts(probe, mechanism, 2, [
          ['a first message', 'n,,n=alice,r=abcdef'],
          ['for itself', 'n,a=alice,n=alice,r=abcdef'],
          ['for another', 'n,a=bob,n=alice,r=abcdef'],
          ['with an extension', 'n,,n=alice,r=abcdef,more=1'],
          ['with a reserved part', 'n,,m=x,n=alice,r=abcdef'],
          ['an unknown user', 'n,,n=zoe,r=abcdef'],
          ['no user', 'n,,n=,r=abcdef'],
          ['no nonce', 'n,,n=alice,r='],
          ['channel binding', 'p=tls-unique,,n=alice,r=abcdef'],
          ['channel binding is possible', 'y,,n=alice,r=abcdef'],
          ['a final message', 'c=biws,r=abcdef,p=AAAA'],
          ['nothing', ''],
        ])
        for (const [what, password, tamper] of [
          ['right', secret, (text: string) => text],
          ['a wrong password', 'x', (text: string) => text],
          ['another nonce', secret, (text: string) => text.replace(/,r=.../, ',r=xyz')],
          ['no proof', secret, (text: string) => text.replace(/,p=.*/, '')],
          ['a short proof', secret, (text: string) => text.replace(/,p=.*/, ',p=AAAA')],
          ['a proof that is none', secret, (text: string) => text.replace(/,p=.*/, ',p=!')],
          ['nothing', secret, () => ''],
        ] as const) {
          const stranger = await Stranger.of(probe)
          await stranger.handshake(`to the end, ${what}: handshake`, mechanism)
          const { last, verified } = await scram(stranger.connection, mechanism, {
            username: 'alice',
            password,
            tamper,
          })
          const said = last && { ...last, authBytes: form(last.authBytes), verified }
          probe.note(`to the end, ${what}`, said === null ? 'closed' : JSON.stringify(said))
          await stranger.goOn(`to the end, ${what}, and then`)
        }
      },
    }),
  ),
  {
    name: 'sasl oauthbearer',
    run: async probe => {
      const now = Date.now() / 1000
      const bearer = (token: string, more = {}) => encodeBearer({ authzid: '', extensions: {}, token, ...more })
      const far = { sub: 'alice', exp: now + 100_000_000 }
      for (const [what, message] of [
        ['right', bearer(unsecuredToken(far))],
        ['for itself', bearer(unsecuredToken(far), { authzid: 'alice' })],
        ['for another', bearer(unsecuredToken(far), { authzid: 'bob' })],
        ['with extensions', bearer(unsecuredToken(far), { extensions: { one: '1', two: '2' } })],
        ['expired', bearer(unsecuredToken({ ...far, exp: now - 100 }))],
        ['without an end', bearer(unsecuredToken({ sub: 'alice' }))],
        ['of nobody', bearer(unsecuredToken({ exp: far.exp }))],
        ['of an empty name', bearer(unsecuredToken({ ...far, sub: '' }))],
        ['of a number', bearer(unsecuredToken({ ...far, sub: 7 }))],
        ['with an algorithm', bearer(unsecuredToken(far, { alg: 'HS256' }))],
        ['without an algorithm', bearer(unsecuredToken(far, {}))],
        ['with a signature', bearer(`${unsecuredToken(far)}AAAA`)],
        ['without its last dot', bearer(unsecuredToken(far).slice(0, -1))],
        ['no token', bearer('nothing')],
        ['no message', Buffer.from('nothing')],
        ['nothing', Buffer.alloc(0)],
      ] as const) {
        const stranger = await Stranger.of(probe)
        await stranger.handshake(`${what}: handshake`, 'OAUTHBEARER')
        const answer = await stranger.authenticate(what, message)
        if (answer?.errorCode === 0 && answer.authBytes.length > 0)
          await stranger.authenticate(`${what}: gives up`, '\x01')
        await stranger.goOn(`${what}, and then`)
      }
    },
  },
  {
    name: 'sasl order',
    run: async probe => {
      await order(probe, 'nothing', async () => {})
      await order(probe, 'versions', stranger => stranger.say('versions', 'ApiVersions', 3, versions))
      await order(probe, 'versions twice', async stranger => {
        await stranger.say('versions twice: the first', 'ApiVersions', 3, versions)
        await stranger.say('versions twice: the second', 'ApiVersions', 3, versions)
      })
      await order(probe, 'versions of no name, then well', async stranger => {
        await stranger.say('versions of no name', 'ApiVersions', 3, {})
        await stranger.say('versions of no name, then well', 'ApiVersions', 3, versions)
      })
      await order(probe, 'versions within', async stranger => {
        await stranger.handshake('versions within: handshake', 'PLAIN')
        await stranger.say('versions within', 'ApiVersions', 3, versions)
      })
      await order(probe, 'handshake twice', async stranger => {
        await stranger.handshake('handshake twice: the first', 'PLAIN')
        await stranger.handshake('handshake twice: the second', 'PLAIN')
      })
      await order(probe, 'authenticate at first', stranger => stranger.authenticate('at first', plain('alice', secret)))
      await order(probe, 'all well', async stranger => {
        await stranger.say('all well: versions', 'ApiVersions', 4, versions)
        await stranger.handshake('all well: handshake', 'PLAIN')
        await stranger.authenticate('all well', plain('alice', secret))
        await stranger.say('all well: versions again', 'ApiVersions', 4, versions)
      })
      await order(probe, 'authenticate twice', async stranger => {
        await stranger.handshake('authenticate twice: handshake', 'PLAIN')
        await stranger.authenticate('authenticate twice: the first', plain('alice', secret))
        await stranger.authenticate('authenticate twice: the second', plain('alice', secret))
      })
      for (const name of saslNames) {
        const { maxVersion } = api(name)
        const stranger = await Stranger.of(probe)
        const frame = requestFrame(name, maxVersion, {})
        frame.writeInt16BE(maxVersion + 1, 2)
        const answer = await probe.answerTo(name, stranger.connection.exchange(frame))
        probe.note(`${name} in a version too high`, answer === null ? 'closed' : answer.subarray(0, 10).toString('hex'))
        await stranger.goOn(`${name} in a version too high, and then`)
      }
    },
  },
  {
    name: 'sasl again',
    run: async probe => {
      const known = async (what: string) => {
        const stranger = await Stranger.of(probe)
        await stranger.handshake(`${what}: first handshake`, 'PLAIN')
        await stranger.authenticate(`${what}: first`, plain('alice', secret))
        return stranger
      }
      for (const [what, mechanism, message] of [
        ['the same', 'PLAIN', plain('alice', secret)],
        ['a wrong password', 'PLAIN', plain('alice', 'x')],
        ['another user', 'PLAIN', plain('bob', passwords.bob)],
        ['another mechanism', 'SCRAM-SHA-256', Buffer.from('n,,n=alice,r=abcdef')],
        ['an unknown mechanism', 'GSSAPI', Buffer.alloc(0)],
        ['malformed', 'PLAIN', Buffer.alloc(0)],
      ] as const) {
        const stranger = await known(what)
        await stranger.handshake(`${what}: handshake`, mechanism)
        await stranger.authenticate(what, message)
        await stranger.goOn(`${what}, and then`)
      }
      const hasty = await known('hasty')
      await hasty.handshake('hasty: handshake', 'PLAIN')
      await hasty.authenticate('hasty: again', plain('alice', secret))
      await hasty.handshake('hasty: third handshake', 'PLAIN')
      await hasty.goOn('hasty, and then')
      const other = await known('other requests within')
      await other.handshake('other requests within: handshake', 'PLAIN')
      await other.goOn('other requests within')
    },
  },
  {
    name: 'frames of strangers',
    run: async probe => {
      for (const length of [524_289, 524_288]) {
        const stranger = await Stranger.of(probe)
        const frame = requestFrame('SaslHandshake', 1, { mechanism: 'PLAIN' })
        const padded = Buffer.concat([frame, Buffer.alloc(length - frame.length)])
        const answer = await probe.answerTo(String(length), stranger.connection.exchange(padded))
        probe.note(`${length} bytes`, answer === null ? 'closed' : 'answered')
      }
    },
  },
]
