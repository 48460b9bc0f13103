/** How long a sidecar serves: until nobody needs it, or nobody can find it again. */
import { Effect, Schedule, Schema } from "effect"
import { readFile } from "node:fs/promises"
import { ProcessIdentity } from "../domain/ProcessIdentity.ts"
import { Processes } from "../services/Processes.ts"
import { file } from "../files/files.ts"
import type { SidecarDocument } from "./SidecarDocument.ts"

/** Whether the process that leads the agent is running; not used if a connection shows it. */
export const agentRuns = ({
  supervisor,
}: Pick<SidecarDocument, "supervisor">): Effect.Effect<boolean, never, Processes> =>
  supervisor === undefined
    ? Effect.succeed(false)
    : file(() => readFile(supervisor, "utf8")).pipe(
        Effect.flatMap(Schema.decode(Schema.parseJson(ProcessIdentity))),
        Effect.flatMap((leader) => Effect.flatMap(Processes, ({ isAlive }) => isAlive(leader))),
        Effect.orElseSucceed(() => false),
      )

const BEFORE_FIRST_CONNECTION = 6

/** How soon a sidecar whose bottle was destroyed during its start notices that. */
const LOOK_MS = 1000

/**
 * Returns when, for long enough, there was no connection, no watcher's request and no running agent, or when the socket's name is no
 * longer ours, so that nobody can find it again.
 */
export const untilUseless = (options: {
  readonly lastConnected: () => number | undefined
  /** When the control socket was last asked, in milliseconds: a watcher asks every few seconds. */
  readonly askedAt: () => number
  readonly hasName: Effect.Effect<boolean>
  /** Whether an agent is known to be running. */
  readonly agentRuns: Effect.Effect<boolean>
  readonly idleMs: number
}): Effect.Effect<void> => {
  const { lastConnected, askedAt, hasName, agentRuns, idleMs } = options
  const startedAt = Date.now()
  let ranAt = 0
  const isUseless = Effect.gen(function* () {
    if (!(yield* hasName)) return true
    const connected = lastConnected()
    const allowed = connected === undefined && ranAt === 0 ? idleMs * BEFORE_FIRST_CONNECTION : idleMs
    if (Date.now() - Math.max(connected ?? startedAt, askedAt(), ranAt) <= allowed) return false
    if (!(yield* agentRuns)) return true
    ranAt = Date.now()
    return false
  })
  return isUseless.pipe(
    Effect.repeat({
      until: (useless) => useless,
      schedule: Schedule.spaced(Math.min(LOOK_MS, idleMs / 4)),
    }),
    Effect.asVoid,
  )
}
