import type { ApiName } from '../../protocol/apis.ts'
import type { Handler } from '../call.ts'
import { aclHandlers } from './acls.ts'
import { apiVersionsHandlers } from './api-versions.ts'
import { clusterHandlers } from './cluster.ts'
import { configHandlers } from './configs.ts'
import { deleteRecordsHandlers } from './delete-records.ts'
import { fetchHandlers } from './fetch.ts'
import { groupHandlers } from './groups.ts'
import { leaderEpochHandlers } from './leader-epoch.ts'
import { listOffsetsHandlers } from './list-offsets.ts'
import { metadataHandlers } from './metadata.ts'
import { offsetHandlers } from './offsets.ts'
import { produceHandlers } from './produce.ts'
import { saslHandlers } from './sasl.ts'
import { topicHandlers } from './topics.ts'
import { transactionHandlers } from './transactions.ts'

/** Who answers which request. What is not in here is not advertised, and asking for it closes the connection. */
export type ApiTable = { readonly [N in ApiName]?: Handler<N> }

const served: ApiTable = {
  ...produceHandlers,
  ...fetchHandlers,
  ...listOffsetsHandlers,
  ...leaderEpochHandlers,
  ...deleteRecordsHandlers,
  ...groupHandlers,
  ...offsetHandlers,
  ...metadataHandlers,
  ...clusterHandlers,
  ...topicHandlers,
  ...configHandlers,
  ...saslHandlers,
  ...aclHandlers,
  ...transactionHandlers,
}

export const apiTable: ApiTable = { ...served, ...apiVersionsHandlers(served) }
