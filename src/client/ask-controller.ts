import { exponential } from '../base/backoff.ts'
import { sleep } from '../base/clock.ts'
import { ConnectionError, type MillraceError, RequestTimeoutError } from '../base/errors.ts'
import type { ApiName } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Requests, Responses } from '../protocol/messages.ts'
import type { NativeClient } from './native-client.ts'
import { failureOf, type Outcome } from './outcome.ts'
import { ofRequest } from './routing.ts'

/** A request of which the controller answers each part by itself. */
export interface ControllerRequest<N extends ApiName, I, O extends Outcome> {
  readonly name: N
  /** `timeoutMs`: how long the controller may take. */
  readonly body: (items: readonly I[], timeoutMs: number, version: number) => Requests[N]
  readonly outcome: (answer: Responses[N], item: I) => O | undefined
  /** What is tried, for errors: `creating topic orders`. */
  readonly doing: (item: I) => string
  readonly topic: (item: I) => string
  readonly minVersion?: number | undefined
}

export interface ControllerAnswer<O extends Outcome> {
  /** What the controller said of it at last; null when it said nothing. */
  readonly outcome: O | null
  readonly error: MillraceError | null
}

/** The controller did nothing: it is another one by now, or is asked too much (KIP-599). */
const passing: ReadonlySet<number> = new Set([errorCodes.NOT_CONTROLLER, errorCodes.THROTTLING_QUOTA_EXCEEDED])
const backoff = exponential(100, 1_000)
/** The part of the time that the controller gets, so that it has some left to tell that it was not enough. */
const controllersPart = 0.8

/**
 * Asks the controller about several things with one request; the answers are in the order of the items. What was not done for a reason
 * that passes is asked again, of whoever is the controller then, until `timeoutMs` is over. Rejects only when nothing could be asked.
 */
export async function askController<N extends ApiName, I, O extends Outcome>(
  client: NativeClient,
  items: readonly I[],
  request: ControllerRequest<N, I, O>,
  timeoutMs: number,
): Promise<readonly ControllerAnswer<O>[]> {
  const { settings, signal } = client.router
  const { clock, random } = settings
  const deadline = clock.now() + timeoutMs
  const found: Answered<O>[] = []
  let open = [...items.keys()]
  for (let attempt = 1; open.length > 0; attempt += 1) {
    // Indexes of the list.
    const asked = open.map(at => items[at] as I)
    const answers = await askOnce(client, asked, request, deadline)
    for (const [index, answer] of answers.entries()) found[open[index] as number] = answer
    open = open.filter(at => found[at]?.again)
    const waitMs = backoff(attempt, random)
    if (open.length === 0 || clock.now() + waitMs >= deadline) break
    await sleep(clock, waitMs, signal)
  }
  const error = found.every(({ outcome }) => outcome === null) ? found[0]?.error : null
  if (error != null) throw error
  return found
}

interface Answered<O extends Outcome> extends ControllerAnswer<O> {
  /** Nothing was done, for a reason that passes. */
  readonly again: boolean
}

async function askOnce<N extends ApiName, I, O extends Outcome>(
  client: NativeClient,
  items: readonly I[],
  request: ControllerRequest<N, I, O>,
  deadline: number,
): Promise<readonly Answered<O>[]> {
  const { settings, metadata } = client.router
  const rest = () => Math.max(1, Math.ceil(deadline - settings.clock.now()))
  const { name, doing, topic, minVersion } = request
  let known = false
  let sent = false
  try {
    // The one that is known may be gone.
    await metadata.refresh([], rest())
    const timeoutMs = rest()
    known = true
    const body = (version: number) => {
      sent = true
      return request.body(items, Math.ceil(timeoutMs * controllersPart), version)
    }
    const options = { timeoutMs, ...(minVersion !== undefined && { minVersion }) }
    const answer = await client.send('controller', name, body, options)
    return items.map(item => {
      const outcome = request.outcome(answer, item)
      const error = failureOf(outcome, doing(item), { topic: topic(item) })
      return { outcome: outcome ?? null, error, again: passing.has(outcome?.errorCode ?? errorCodes.NONE) }
    })
  } catch (thrown) {
    const failed = ofRequest(thrown)
    const again = known && !sent && failed instanceof ConnectionError
    const error = sent ? uncertain(failed) : failed
    return items.map(() => ({ outcome: null, error, again }))
  }
}

/** What was sent may have been done, though no answer came. */
function uncertain(error: MillraceError): MillraceError {
  const Kind = [RequestTimeoutError, ConnectionError].find(kind => error instanceof kind)
  if (Kind === undefined) return error
  return new Kind(`${error.message}. It may have been done all the same`, { broker: error.broker, cause: error })
}
