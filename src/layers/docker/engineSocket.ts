/** Where the engine of the command line listens on this machine. */
import { Effect, Option } from "effect"
import type { CommandLine } from "./commandLine.ts"

/** A Unix socket; `optional` as in `EngineUrl`. */
export interface EngineSocket {
  readonly path: string
  readonly optional: boolean
}

/** The engine's socket. None when only its command line reaches it. */
export const engineSocket = (
  { dialect, succeed }: CommandLine,
  env: Readonly<Record<string, string | undefined>>,
): Effect.Effect<Option.Option<EngineSocket>> => {
  const choice = dialect.url(env)
  if (choice === undefined) return Effect.succeedNone
  if ("url" in choice) return Effect.succeed(socketOf(choice.url, choice.optional))
  return succeed({ operation: "inspect", target: "context" }, choice.ask).pipe(
    Effect.map((said) => socketOf(said.trim())),
    Effect.orElseSucceed(Option.none),
  )
}

const socketOf = (url: string, optional = false): Option.Option<EngineSocket> =>
  url.startsWith("unix://") ? Option.some({ path: url.slice("unix://".length), optional }) : Option.none()
