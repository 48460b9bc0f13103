/** Where the engine of the command line listens on this machine. */
import { Effect, Option } from "effect"
import type { CommandLine } from "./commandLine.ts"

/** The path of the engine's socket. None when only its command line reaches it. */
export const socketPath = (
  { dialect, succeed }: CommandLine,
  env: Readonly<Record<string, string | undefined>>,
): Effect.Effect<Option.Option<string>> => {
  const choice = dialect.url(env)
  if (choice === undefined) return Effect.succeedNone
  if ("url" in choice) return Effect.succeed(pathOf(choice.url))
  return succeed({ operation: "inspect", target: "context" }, choice.ask).pipe(
    Effect.map((said) => pathOf(said.trim())),
    Effect.orElseSucceed(Option.none),
  )
}

const pathOf = (url: string): Option.Option<string> =>
  url.startsWith("unix://") ? Option.some(url.slice("unix://".length)) : Option.none()
