import { broker } from './source.ts'

/** The embedded broker for many clients: each member of a group has five connections. Tells its addresses as `millrace broker` does. */
const { Broker } = broker
const running = await Broker.start({ limits: { connections: 10_000 } })
process.stdout.write(`${JSON.stringify({ brokers: running.brokers })}\n`)
process.once('SIGTERM', () => void running.close())
