import type { Scenario } from './scenarios.ts'

export const stuck: Scenario = {
  name: 'stuck',
  title: 'A message that is stuck for good',
  text:
    'One partition. Its first message fails and is held, so that the committed offset stays there, and all that is done above goes into the ' +
    "commit's metadata, every second. What is timed is the second million of messages: a million are done above the one that is held by then. " +
    'Against the same with a first message that is handled.',
  kind: 'speed',
  comparisons: [
    {
      name: '1,000,000 messages above 1,000,000 that are done, sync handler, concurrency 16',
      topic: 'written',
      concurrency: 16,
      contenders: [
        { name: 'Millrace, the first message is held', program: 'stuck', handler: 'held' },
        { name: 'Millrace, nothing is held', program: 'stuck' },
      ],
      goals: [{ against: 'Millrace, nothing is held', ratio: 0.95 }],
    },
  ],
}

const leastOnce = 'Millrace, at least once'

export const atMostOnce: Scenario = {
  name: 'at-most-once',
  title: 'At most once',
  text:
    "`offsets.mode: 'at-most-once'` commits messages before they are handled, in portions of about what the handlers do in a tenth of a second, " +
    'and hands out none before its commit is acknowledged. Against the default, which commits every second what is done.',
  kind: 'speed',
  comparisons: (['sync', 'async'] as const).map(handler => ({
    name: `\`keyed\`, ${handler} handler, concurrency 64`,
    topic: 'keyed',
    concurrency: 64,
    contenders: [
      { name: 'Millrace, at most once', program: 'millrace', handler: `${handler} at-most-once` },
      { name: leastOnce, program: 'millrace', handler },
    ],
    goals: [{ against: leastOnce, ratio: 0.9 }],
  })),
}
