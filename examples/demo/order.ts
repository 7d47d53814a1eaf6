import type { StandardSchemaV1 } from '@standard-schema/spec'

export interface Order {
  readonly id: number
  readonly customer: string
  readonly item: string
  readonly quantity: number
  /** Cents. */
  readonly total: number
}

/** By hand what Zod, Valibot or ArkType would make. */
export const orderSchema: StandardSchemaV1<unknown, Order> = {
  '~standard': {
    version: 1,
    vendor: 'millrace-demo',
    validate: value => (isOrder(value) ? { value } : { issues: [{ message: 'it is no order' }] }),
  },
}

function isOrder(value: unknown): value is Order {
  return typeof value === 'object' && value !== null && 'id' in value && 'customer' in value && 'total' in value
}
