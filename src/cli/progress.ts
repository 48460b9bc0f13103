/** Progress: one line on a terminal that says what a command waits for, from the second second on. */
import { Effect, Schedule } from "effect"
import { neutralLine } from "../domain/Neutral.ts"
import { endProgress, eraseProgress, showProgress } from "./output.ts"
import { type Listener, usesTerminal } from "./steps.ts"

/** What a command does, for its line; `""` if only its steps are shown, because it waits for an agent or asks a question. */
const COMMANDS: Readonly<Record<string, string>> = {
  attach: "",
  cp: "copying",
  destroy: "destroying",
  doctor: "checking this machine",
  freeze: "freezing",
  gc: "looking for leftovers",
  inspect: "asking the engine",
  list: "asking the engines",
  "orchestrate hook check": "asking the forge",
  "orchestrate hook install": "asking the forge",
  "orchestrate resume": "",
  "orchestrate start": "",
  "provenance verify": "checking the operation log",
  resume: "",
  start: "",
  stop: "stopping",
  verify: "trying ways out of a bottle",
}

/** Words for the steps that take long, by the names of their spans. */
const STEPS: Readonly<Record<string, string>> = {
  "Backend.create": "creating the bottle",
  "Backend.destroy": "removing the bottle",
  "Backend.ensureImage": "getting the image",
  "Backend.freeze": "saving the artifact",
  "Backend.remove": "removing the container",
  "Backend.start": "starting the agent",
  "Backend.stop": "waiting for the agent to end",
  "DemoImage.ensure": "making an image",
  "DockerBackend.make": "asking the engine",
  "Sidecar.launch": "starting the sidecar",
  "Sidecar.stop": "stopping the sidecar",
  runBuild: "building the image",
}

/** A progress line that follows the steps of a command. */
export interface Progress {
  readonly listener: Listener
  /** Runs the command with its line, which is erased at the end. */
  readonly during: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** The progress line of a command and its arguments; none if stderr is no terminal or if the command was asked for less. */
export const progressOf = (
  path: ReadonlyArray<string>,
  argv: ReadonlyArray<string>,
): Progress | undefined => {
  const words = COMMANDS[path.join(" ")]
  if (words === undefined || !process.stderr.isTTY || argv.some((word) => QUIET.has(word))) return undefined
  const end = argv.indexOf("--")
  const subject = words === "" || end < 0 ? "" : ` ${argv.slice(end + 1).join(" ")}`
  const base = { text: words + subject, from: performance.now() }
  const open: Array<typeof base> = []
  let elsewhere = 0
  const listener: Listener = (name) => {
    if (usesTerminal(name)) {
      elsewhere++
      // At once: the next tick may come after the agent's first byte.
      endProgress()
      return () => void elsewhere--
    }
    const text = STEPS[name]
    if (text === undefined) return () => undefined
    const step = { text, from: performance.now() }
    open.push(step)
    return () => {
      open.splice(open.indexOf(step), 1)
      eraseProgress()
    }
  }
  const tick = Effect.sync(() => {
    const last = open.at(-1) ?? base
    const waits = performance.now() - last.from
    const text = [base.text, ...(last === base ? [] : [last.text])].filter((part) => part !== "").join(": ")
    if (elsewhere > 0 || text === "" || waits < 1000) return eraseProgress()
    showProgress(`${neutralLine(text)} ... ${Math.floor(waits / 1000)} s`)
  })
  return {
    listener,
    during: (effect) =>
      Effect.scoped(
        Effect.zipRight(
          Effect.forkScoped(Effect.repeat(tick, Schedule.spaced("250 millis"))),
          Effect.ensuring(effect, Effect.sync(eraseProgress)),
        ),
      ),
  }
}

const QUIET = new Set(["--json", "--quiet", "--dry-run"])
