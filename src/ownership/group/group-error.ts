import { MillraceError } from '../../base/errors.ts'
import { errorCodes, isCoordinatorError, type KafkaError, kafkaError } from '../../protocol/error-codes.ts'

/**
 * The group takes this consumer no more, or never did; no waiting heals it. Codes: `FENCED_INSTANCE_ID`, `INCONSISTENT_GROUP_PROTOCOL`,
 * `INVALID_SESSION_TIMEOUT`, `GROUP_MAX_SIZE_REACHED`, `INVALID_GROUP_ID`, `GROUP_AUTHORIZATION_FAILED`, `GROUP_REFUSED`.
 */
export class GroupError extends MillraceError {}

/** What a refusal of the group means for its member; `strategies` and timeouts as it asked for them. */
export function groupRefusal(
  errorCode: number,
  group: string,
  member: { readonly instanceId: string | null; readonly strategies: string; readonly sessionTimeoutMs: number },
): MillraceError {
  const cause = kafkaError(errorCode, `joining group ${group}`) as KafkaError
  const why = explain(errorCode, group, member)
  if (why !== null) return new GroupError(cause.code, why, { cause })
  const passes = cause.retriable || isCoordinatorError(errorCode) || errorCode === errorCodes.UNKNOWN_SERVER_ERROR
  return passes
    ? new MillraceError(cause.code, cause.message, { cause, retriable: true })
    : new GroupError(cause.code, cause.message, { cause })
}

function explain(
  errorCode: number,
  group: string,
  { instanceId, strategies, sessionTimeoutMs }: Parameters<typeof groupRefusal>[2],
): string | null {
  switch (errorCode) {
    case errorCodes.FENCED_INSTANCE_ID:
      return (
        `Another process joined group ${group} with the instance id ${instanceId}, and this one is out: it does not join again. ` +
        'Give each process its own ownership.instanceId'
      )
    case errorCodes.INCONSISTENT_GROUP_PROTOCOL:
      return (
        `Group ${group} has members that know none of this consumer's strategies (${strategies}), or it is no group of consumers. ` +
        'Give ownership.strategies one that all members have, or use another group'
      )
    case errorCodes.INVALID_SESSION_TIMEOUT:
      return (
        `The brokers refuse a session timeout of ${sessionTimeoutMs} ms for group ${group}: set ownership.sessionTimeoutMs between their ` +
        'group.min.session.timeout.ms and group.max.session.timeout.ms'
      )
    case errorCodes.GROUP_MAX_SIZE_REACHED:
      return `Group ${group} is full: the brokers allow no more members (group.max.size)`
    case errorCodes.GROUP_AUTHORIZATION_FAILED:
      return `This client may not join group ${group}: it needs the right to read the group`
    default:
      return null
  }
}
