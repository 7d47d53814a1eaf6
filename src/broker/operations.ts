/** What everybody may do, as Kafka tells it: a bit for each operation. There are no access rules here, so everything is allowed. */
export const topicOperations = bits(3, 4, 5, 6, 7, 8, 10, 11)
export const clusterOperations = bits(5, 7, 8, 9, 10, 11, 12)

function bits(...places: readonly number[]): number {
  return places.reduce((sum, place) => sum | (1 << place), 0)
}
