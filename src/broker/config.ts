/** Settings under Kafka's names: what was set, over what is inherited, over Kafka's defaults. Values were checked when they were set. */
export interface Config {
  /** As Kafka shows it; a name without a default is an error of ours and throws. */
  get(name: string): string
  /** The same as a number: -1 where Kafka means "no limit". */
  number(name: string): number
}
