import type { MetricLabels } from '../base/metrics.ts'
import type { Family, MetricRegistry } from './registry.ts'

/** One line of the text: the name with its suffix, the labels, the value. */
interface Sample {
  readonly name: string
  readonly labels: MetricLabels
  readonly value: number
}

/** What a family's lines say; a histogram is cut into the buckets of its metric. */
export function samplesOf(family: Family): Sample[] {
  const { name, buckets } = family.metric
  const samples: Sample[] = []
  family.read((labels, value) => samples.push({ name, labels, value }))
  for (const { labels, values } of family.histograms.values()) {
    const counts = values.cumulative(buckets)
    const bucket = (le: string, value: number) =>
      samples.push({ name: `${name}_bucket`, labels: { ...labels, le }, value })
    buckets.forEach((bound, at) => {
      bucket(String(bound), counts[at] ?? 0)
    })
    bucket('+Inf', values.count)
    samples.push(
      { name: `${name}_sum`, labels, value: values.sum },
      { name: `${name}_count`, labels, value: values.count },
    )
  }
  return samples
}

/** All metrics of a registry as Prometheus scrapes them. */
export function prometheusText(registry: MetricRegistry): string {
  const lines: string[] = []
  for (const family of registry.families()) {
    const { name, help, type } = family.metric
    lines.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`)
    for (const sample of samplesOf(family)) lines.push(line(sample))
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

function line({ name, labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
