import type { MetricLabels } from '../base/metrics.ts'

/** Names with dots, and labels as further parts of the path: for those who know no labels. `suffix` comes last. */
export function metricPath(name: string, labels: MetricLabels, suffix = ''): string {
  return [name, ...Object.values(labels).map(part), ...(suffix === '' ? [] : [suffix])].join('.')
}

function part(value: string): string {
  return value === '' ? 'none' : value.replaceAll(/[^A-Za-z0-9_-]/g, '_')
}
