import { Broker } from '../../src/broker/index.ts'
import type { Certificate } from '../../src/broker/security/authority.ts'

export const password = 'p=ss, w,rd'
export const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const

/** TLS with certificates on both sides, each mechanism, and rights of `shop` for one topic and its groups. */
export async function startGuarded(): Promise<{ broker: Broker; ca: string; certificate: Certificate }> {
  const broker = await Broker.start({
    topics: { orders: 1, payments: 1 },
    tls: { clientAuth: 'required' },
    sasl: { mechanisms, users: { shop: password } },
    acls: [
      { principal: 'User:shop', operation: 'Read', topic: 'orders' },
      { principal: 'User:shop', operation: 'Write', topic: 'orders' },
      { principal: 'User:shop', operation: 'Read', group: { prefix: 'shop-' } },
    ],
  })
  return { broker, ca: broker.ca ?? '', certificate: await broker.issueCertificate('shop') }
}
