/** Labels of a measurement: client, group, topic and the like; never anything unbounded such as an offset or a key. */
export type Labels = Readonly<Record<string, string>>

/** Where measurements go. Names are fixed (`docs/metrics.md`); each call must be cheap and must not throw. */
export interface Metrics {
  counter(name: string, add: number, labels: Labels): void
  gauge(name: string, value: number, labels: Labels): void
  /** Durations in milliseconds, sizes in bytes. */
  histogram(name: string, value: number, labels: Labels): void
}
