import { parentPort, workerData } from 'node:worker_threads'
import type { Fault } from './faults.ts'
import { LocalBroker } from './local-broker.ts'
import { resolveOptions } from './options.ts'
import {
  type FromThread,
  type Outcome,
  packError,
  type Question,
  type Questions,
  type ThreadData,
} from './thread-messages.ts'

/** What runs inside of the thread that `ThreadBroker` starts: a broker, and who answers questions about it. */
const { options, still, answered } = workerData as ThreadData

try {
  const broker = await LocalBroker.start(resolveOptions(options))
  serve(questionsTo(broker))
  send({ started: { brokers: broker.brokers, ca: broker.ca } })
} catch (thrown) {
  send({ failed: packError(thrown) })
}

function questionsTo(broker: LocalBroker): Questions {
  const faults: Fault[] = []
  let stopTelling: (() => void) | null = null
  return {
    issueCertificate: name => broker.issueCertificate(name),
    createTopic: (...args) => broker.createTopic(...args),
    deleteTopic: topic => broker.deleteTopic(topic),
    setAcls: acls => broker.setAcls(acls),
    leader: (...args) => broker.leader(...args),
    moveLeader: (...args) => broker.moveLeader(...args),
    lagFollower: (...args) => broker.lagFollower(...args),
    deleteRecords: (...args) => broker.deleteRecords(...args),
    compact: topic => broker.compact(topic),
    committed: group => broker.committed(group),
    setCoordinator: (...args) => broker.setCoordinator(...args),
    stopNode: node => broker.stopNode(node),
    startNode: node => broker.startNode(node),
    close: () => broker.close(),
    group: name => broker.group(name).now(),
    groupUntil: (name, ...rest) => broker.group(name).until(...rest),
    requests: () => broker.requests,
    tellRequests(told) {
      stopTelling?.()
      stopTelling = told ? broker.onRequest(request => send({ request })) : null
    },
    fault: given => faults.push(broker.fault(given)) - 1,
    hits: fault => faults[fault]?.hits ?? 0,
    hit: async (fault, n) => faults[fault]?.hit(n),
    removeFault: fault => faults[fault]?.remove(),
  }
}

function serve(questions: Questions): void {
  const ask = ({ method, args }: Question) => (questions[method] as (...args: readonly unknown[]) => unknown)(...args)
  parentPort?.on('message', (question: Question) => {
    const { number } = question
    // Questions without a promise may throw at once.
    void new Promise(resolve => resolve(ask(question))).then(
      value => send({ number, outcome: { value } }),
      thrown => send({ number, outcome: { error: packError(thrown) } }),
    )
  })
  still.on('message', (question: Question) => {
    still.postMessage(outcomeOf(() => ask(question)))
    Atomics.store(answered, 0, 1)
    Atomics.notify(answered, 0)
  })
}

function outcomeOf(ask: () => unknown): Outcome {
  try {
    return { value: ask() }
  } catch (thrown) {
    return { error: packError(thrown) }
  }
}

function send(message: FromThread): void {
  parentPort?.postMessage(message)
}
