/** Options that several commands share, and how an agent's output reaches the operator. */
import { Args, Options } from "@effect/cli"
import * as FileSystem from "@effect/platform/FileSystem"
import { Cause, Effect, Option } from "effect"
import { AgentExited, Cancelled, InvalidInput } from "../domain/Errors.ts"
import type { RunEvent } from "../programs/options.ts"
import { note, passBytes, print, printJson } from "./output.ts"

/** `--json` */
export const json = Options.boolean("json").pipe(
  Options.withDescription("Print the result as JSON on stdout"),
)

/** `--backend B` */
export const backend = Options.text("backend").pipe(
  Options.withDescription("docker, podman, smolvm or host (no isolation); default: the manifest's"),
  Options.optional,
)

/** `--backend B` of commands on an existing bottle */
export const ownBackend = Options.text("backend").pipe(
  Options.withDescription("The bottle's own backend; another one is refused"),
  Options.optional,
)

/** `--prompt T` or `--prompt-file F` */
export const prompts = {
  prompt: Options.text("prompt").pipe(
    Options.withPseudoName("TEXT"),
    Options.withDescription("The prompt: what the agent should do"),
    Options.optional,
  ),
  promptFile: Options.text("prompt-file").pipe(
    Options.withDescription("A file with the prompt"),
    Options.optional,
  ),
}

/** `SLUG` */
export const slug = Args.text({ name: "slug" }).pipe(
  Args.withDescription("Name of the bottle, as `list` shows it, or its label"),
)

/** `--follow` */
export const follow = Options.boolean("follow").pipe(
  Options.withAlias("f"),
  Options.withDescription("Follow until the agent ends"),
)

/** `SLUG...` */
export const slugs = Args.text({ name: "slug" }).pipe(
  Args.withDescription("Names of bottles, as `list` shows them, or their labels"),
  Args.atLeast(1),
)

/** `--bottle B`, several times */
export const bottles = Options.text("bottle").pipe(
  Options.withPseudoName("NAME"),
  Options.withDescription("Bottle manifest; several merge in order"),
  Options.repeated,
)

/** `--dry-run` */
export const dryRun = Options.boolean("dry-run").pipe(
  Options.withDescription("Print the plan and do nothing else; fails where a launch would"),
)

/** `--tail LINES` */
export const tail = Options.integer("tail").pipe(
  Options.withAlias("n"),
  Options.withPseudoName("LINES"),
  Options.withDescription("Print only this many lines from the end"),
  Options.optional,
)

/** `--raw` */
export const raw = Options.boolean("raw").pipe(
  Options.withDescription("Pass the agent's control characters to the terminal as they are"),
)

/** Options of commands that run an agent, with a prompt or on this terminal. */
export const runOptions = {
  headless: Options.boolean("headless").pipe(Options.withDescription("Run one prompt without a terminal")),
  ...prompts,
  backend,
  dryRun,
  yes: Options.boolean("yes").pipe(Options.withDescription("Do not ask; also agree to deploy keys")),
  json,
  raw,
}

/** Removes absent options. */
export const given = <A>(name: string, value: Option.Option<A>): Record<string, A> =>
  Option.match(value, { onNone: () => ({}), onSome: (some) => ({ [name]: some }) })

/** The prompt, if one was given. Giving it in both ways is an error. */
export const promptOf = Effect.fn("promptOf")(function* (options: {
  readonly prompt: Option.Option<string>
  readonly promptFile: Option.Option<string>
}) {
  if (Option.isNone(options.promptFile)) return options.prompt
  if (Option.isSome(options.prompt)) {
    return yield* new InvalidInput({ field: "prompt", reason: "give --prompt or --prompt-file, not both" })
  }
  const file = options.promptFile.value
  const text = yield* Effect.mapError(
    Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(file)),
    (error) =>
      new InvalidInput({
        field: "prompt-file",
        reason: `${file} cannot be read: ${error._tag === "SystemError" ? error.reason : error.message}`,
      }),
  )
  return Option.some(text)
})

/** `--headless` and a prompt require each other. Checked before anything is looked up. */
export const headlessPrompt = Effect.fn("headlessPrompt")(function* (options: {
  readonly headless: boolean
  readonly prompt: Option.Option<string>
  readonly promptFile: Option.Option<string>
}) {
  const prompt = yield* promptOf(options)
  if (options.headless && Option.isNone(prompt)) {
    return yield* new InvalidInput({ field: "prompt", reason: "--headless needs --prompt or --prompt-file" })
  }
  if (!options.headless && Option.isSome(prompt)) {
    return yield* new InvalidInput({ field: "prompt", reason: "a prompt is only valid with --headless" })
  }
  return prompt
})

/**
 * Passes on a run's events. As text: the slug on stderr, the agent's stdout and stderr unchanged, except that they are made safe on a
 * terminal unless `raw` is set. As JSON: a line for each event on stdout.
 */
export const observer = (options: { readonly json: boolean; readonly raw: boolean }) => {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  return (event: RunEvent): Effect.Effect<void> => {
    if (event._tag === "Output") {
      const text = (): string => decoders[event.stream].decode(event.bytes, { stream: true })
      if (options.json) {
        return printJson({
          event: "output",
          stream: event.stream,
          at: new Date(event.at).toISOString(),
          text: text(),
        })
      }
      return process[event.stream].isTTY && !options.raw
        ? print(event.stream, text())
        : passBytes(event.stream, event.bytes)
    }
    if (options.json) {
      return event._tag === "Slug"
        ? printJson({ event: "slug", slug: event.slug })
        : printJson({
            event: "exit",
            exitCode: event.exitCode,
            ...(event.signal !== undefined && { signal: event.signal }),
          })
    }
    return event._tag === "Slug" ? note(`bottle ${event.slug}`) : Effect.void
  }
}

/** Whether a person at a terminal can be asked. */
export const isOnTerminal = (): boolean => process.stdin.isTTY && process.stdout.isTTY

/** Fails when there is no terminal to connect to an agent. */
export const needTerminal = Effect.suspend(() =>
  isOnTerminal()
    ? Effect.void
    : Effect.fail(new Cancelled({ reason: "no terminal for the agent: use --headless with a prompt" })),
)

/**
 * Runs an effect that connects an agent to the terminal. Prints the slug before, and how to continue after. `tell` receives the end of
 * the agent: an attach without one was detached. `isRemoved`: the bottle is destroyed at the agent's end.
 */
export const onTerminal = <A, E, R>(
  run: (observe: (event: RunEvent) => Effect.Effect<void>) => Effect.Effect<A, E, R>,
  isRemoved = false,
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const seen = { slug: "", ended: false }
    const observe = (event: RunEvent): Effect.Effect<void> => {
      if (event._tag === "Exit") seen.ended = true
      if (event._tag !== "Slug") return Effect.void
      seen.slug = event.slug
      return note(`bottle ${event.slug}; Ctrl-P Ctrl-Q detaches`)
    }
    const after = Effect.suspend(() =>
      note(
        seen.ended && isRemoved
          ? "the agent has ended, and its bottle is destroyed"
          : seen.ended
            ? `the agent has ended: "bot-bottle resume ${seen.slug}" continues it, "bot-bottle destroy ${seen.slug}" removes it`
            : `\ndetached: "bot-bottle attach ${seen.slug}" reattaches, "bot-bottle stop ${seen.slug}" ends it`,
      ),
    )
    return run(observe).pipe(
      Effect.tap(() => after),
      Effect.tapErrorCause((cause) =>
        Effect.when(after, () => seen.ended && !Option.exists(Cause.failureOption(cause), isDestroyed)),
      ),
    )
  })

/** Whether a run ended because its bottle was destroyed, so that it cannot be resumed. */
const isDestroyed = (error: unknown): boolean => error instanceof AgentExited && error.destroyed === true

/** Runs a command's effect so that Ctrl-C stops the bottle that it started. The bottle is kept. */
export const stoppedByInterrupt =
  <R2>(stop: (slug: string) => Effect.Effect<void, unknown, R2>) =>
  <A, E, R>(
    run: (observe: (event: RunEvent) => Effect.Effect<void>) => Effect.Effect<A, E, R>,
    observe: (event: RunEvent) => Effect.Effect<void>,
  ): Effect.Effect<A, E, R | R2> =>
    Effect.suspend(() => {
      let started = ""
      return run((event) => {
        if (event._tag === "Slug") started = event.slug
        return observe(event)
      }).pipe(
        Effect.onInterrupt(() =>
          started === ""
            ? Effect.void
            : note(`stopping bottle ${started} ...`).pipe(
                Effect.zipRight(stop(started)),
                Effect.zipRight(note(`stopped; "bot-bottle list" shows what is kept`)),
                Effect.catchAll((error) => note(`bot-bottle: ${String(error)}`)),
              ),
        ),
      )
    })
