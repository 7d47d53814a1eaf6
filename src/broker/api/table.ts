import type { ApiName } from '../../protocol/apis.ts'
import type { Handler } from '../call.ts'
import { apiVersionsHandlers } from './api-versions.ts'

/** Who answers which request. What is not in here is not advertised, and asking for it closes the connection. */
export type ApiTable = { readonly [N in ApiName]?: Handler<N> }

const served: ApiTable = {}

export const apiTable: ApiTable = { ...served, ...apiVersionsHandlers(served) }
