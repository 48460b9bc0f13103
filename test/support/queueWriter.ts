/** A second writer of a queue, as a process of its own: `node queueWriter.ts DIRECTORY COUNT`. */
import { Effect } from "effect"
import * as QueueDir from "../../src/sidecar/record/QueueDir.ts"
import { Slug } from "../../src/domain/Slug.ts"

const [, , directory = "", count = "0"] = process.argv
const event = {
  version: 1 as const,
  slug: Slug.make("x"),
  at: "2026-11-20T08:00:00Z",
  kind: "pr-opened" as const,
  number: 5,
}
const numbers = await Effect.runPromise(
  Effect.forEach(Array.from({ length: Number(count) }), () => QueueDir.append(directory, event)),
)
process.stdout.write(JSON.stringify(numbers))
