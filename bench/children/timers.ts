import type { Task } from '../measurement.ts'
import { measure } from './child.ts'
import type { Pass } from './pass.ts'

const HANDLER_MS = 5

/** No Kafka at all: as many chains of 5 ms timers as there are handlers. What the event loop itself can reach. */
async function run(task: Task, pass: Pass): Promise<void> {
  let open = true
  const chain = () => {
    pass.add(0)
    if (open) setTimeout(chain, HANDLER_MS)
  }
  for (let i = 0; i < task.concurrency; i++) setTimeout(chain, HANDLER_MS)
  await pass.done
  open = false
}

await measure(run)
