/** Checks whether the home can be used: private, and with a path short enough for sockets. Creates nothing. */
import { Effect } from "effect"
import { lstatSync } from "node:fs"
import { StateStoreError } from "../../domain/Errors.ts"
import type { HomeShape } from "./Home.ts"
import { SOCKET_PATH_MAX } from "../../domain/Neck.ts"

const unfit = (reason: string) => new StateStoreError({ operation: "home", reason })

/** The owner and mode of the home, in a line. */
export const homePermissions = ({ root }: HomeShape): Effect.Effect<string, StateStoreError> =>
  Effect.gen(function* () {
    const stat = yield* Effect.try({
      try: () => lstatSync(root, { throwIfNoEntry: false }),
      catch: (cause) => unfit(`${root} cannot be inspected: ${String(cause)}`),
    })
    if (stat === undefined) return `${root} is made at first use`
    if (!stat.isDirectory()) return yield* unfit(`${root} is not a directory`)
    if (stat.uid !== (process.getuid?.() ?? stat.uid)) return yield* unfit(`${root} belongs to another user`)
    const mode = stat.mode & 0o777
    if ((mode & 0o077) !== 0) {
      return yield* unfit(
        `${root} is accessible to other users (mode ${mode.toString(8)}): chmod 700 ${root}`,
      )
    }
    return root
  })

/** The length of a neck's path, in a line. */
export const socketPathLength = (home: HomeShape): Effect.Effect<string, StateStoreError> => {
  // The name derived from a slug has the same length for every slug.
  const bytes = Buffer.byteLength(home.of("any").neckSocket)
  return bytes <= SOCKET_PATH_MAX
    ? Effect.succeed(`${bytes} of ${SOCKET_PATH_MAX} bytes`)
    : unfit(
        `a socket below ${home.runRoot} has ${bytes} bytes, and ${SOCKET_PATH_MAX} are allowed: set BOT_BOTTLE_RUN_DIR to a shorter directory`,
      )
}
