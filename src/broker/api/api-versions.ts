import { type ApiName, api } from '../../protocol/apis.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import type { Answer, Call, Handlers } from '../call.ts'

/** What Kafka 4.1 can do, and what a new cluster of it has switched on (KIP-584, KIP-1022). */
const supported = [
  { name: 'group.version', minVersion: 0, maxVersion: 1 },
  { name: 'kraft.version', minVersion: 0, maxVersion: 1 },
  { name: 'metadata.version', minVersion: 7, maxVersion: 27 },
  { name: 'share.version', minVersion: 0, maxVersion: 1 },
  { name: 'transaction.version', minVersion: 0, maxVersion: 2 },
  { name: 'eligible.leader.replicas.version', minVersion: 0, maxVersion: 1 },
]
const finalized = (transactionVersion: number) => [
  { name: 'group.version', minVersionLevel: 1, maxVersionLevel: 1 },
  // One that is switched off is not told.
  ...(transactionVersion === 0
    ? []
    : [{ name: 'transaction.version', minVersionLevel: transactionVersion, maxVersionLevel: transactionVersion }]),
  { name: 'eligible.leader.replicas.version', minVersionLevel: 1, maxVersionLevel: 1 },
  { name: 'metadata.version', minVersionLevel: 27, maxVersionLevel: 27 },
]
/** Features never change here, so any epoch that stays the same does. */
const finalizedFeaturesEpoch = 10

/** What the name and the version of a client's software may look like (KIP-511). */
const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

/** Kafka 4 tells 0 as the lowest version of Produce, because old clients give up without it, and yet refuses those below 3. */
const produceFrom = 0

function advertised(name: ApiName): { apiKey: number; minVersion: number; maxVersion: number } {
  const { key, minVersion, maxVersion } = api(name)
  return { apiKey: key, minVersion: name === 'Produce' ? produceFrom : minVersion, maxVersion }
}

/** Refuses a version that is not known here; to be sent in version 0, which every client can read (KIP-511). */
export const versionRefused: Answer<'ApiVersions'> = {
  errorCode: errorCodes.UNSUPPORTED_VERSION,
  apiKeys: [advertised('ApiVersions')],
}

/** Tells what is served: the APIs of this table, and ApiVersions itself. */
export function apiVersionsHandlers(served: object): Handlers<'ApiVersions'> {
  const names = [...(Object.keys(served) as ApiName[]), 'ApiVersions' as const]
  const apiKeys = names.map(advertised).sort((a, b) => a.apiKey - b.apiKey)
  return {
    ApiVersions({ settings }, { version, body, session }: Call<'ApiVersions'>) {
      const named = softwareName.test(body.clientSoftwareName) && softwareName.test(body.clientSoftwareVersion)
      if (version >= 3 && !named) return { errorCode: errorCodes.INVALID_REQUEST }
      session.toldVersions()
      // Clients of version 3 cannot read a lowest version of 0.
      const supportedFeatures = supported.filter(feature => version >= 4 || feature.minVersion > 0)
      const finalizedFeatures = finalized(settings.transactionVersion ?? 2)
      return { apiKeys, supportedFeatures, finalizedFeatures, finalizedFeaturesEpoch }
    },
  }
}
