/** `sidecar serve`: the sidecar process, for other programs. Its configuration comes on stdin. */
import { Command } from "@effect/cli"
import { Effect } from "effect"

const serve = Command.make("serve", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("../sidecar/main.ts")),
    ({ main }) => main,
  ),
).pipe(Command.withDescription("Serve one bottle's neck; reads its JSON configuration from stdin"))

/** `sidecar ...` */
export const sidecar = Command.make("sidecar").pipe(
  Command.withDescription("The process that serves a bottle's neck (not for people)"),
  Command.withSubcommands([serve]),
)
