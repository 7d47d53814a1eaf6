/** Settings under Kafka's names: what was set, over what is inherited, over Kafka's defaults. Values were checked when they were set. */
export interface Config {
  /** As Kafka shows it; a name without a default is an error of ours and throws. */
  get(name: string): string
  /** The same as a number: -1 where Kafka means "no limit". */
  number(name: string): number
}

/** A place from which a setting has, or would have, its value: in answers, Kafka's numbers for it. */
export interface Origin {
  /** Of the setting there: what is `retention.ms` for a topic is `log.retention.ms` for a broker. */
  readonly name: string
  readonly value: string
  readonly source: number
}

/** Kafka's `ConfigSource`, those that come first count. */
export const configSources = { topic: 1, oneBroker: 2, allBrokers: 3, static: 4, default: 5 } as const
