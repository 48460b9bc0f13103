/**
 * The bin as it is, with a tracer that sees every step of it (every span that the program names): it writes them down,
 * or kills the process at one of them. Bundled by the tests that inject faults; nothing of it is in the product.
 */
import { DefaultServices, Option, Tracer } from "effect"
import { appendFileSync } from "node:fs"
import { run } from "../../src/cli/root.ts"

const { FAULT_STEPS: file, FAULT_KILL: target, FAULT_AFTER_MS: delay = "0" } = process.env
const services = DefaultServices.liveServices.unsafeMap
const live = services.get(Tracer.Tracer.key) as Tracer.Tracer
const seen = new Map<string, number>()

/** `launch > bringUp > Backend.create #2`: where a step is, and the how-manieth there. */
const stepOf = (name: string, parent: Option.Option<Tracer.AnySpan>): string => {
  const path = [...ancestors(parent), name].join(" > ")
  const count = (seen.get(path) ?? 0) + 1
  seen.set(path, count)
  return count === 1 ? path : `${path} #${count}`
}

const ancestors = (parent: Option.Option<Tracer.AnySpan>): ReadonlyArray<string> =>
  Option.isSome(parent) && parent.value._tag === "Span"
    ? [...ancestors(parent.value.parent), parent.value.name]
    : []

const die = (): void => void process.kill(process.pid, "SIGKILL")

const reached = (step: string): void => {
  if (file !== undefined) appendFileSync(file, `${step}\n`)
  if (step !== target) return
  if (delay === "0") die()
  else setTimeout(die, Number(delay))
}

const counting = Tracer.make({
  context: live.context.bind(live),
  span: (name, parent, ...rest) => {
    reached(stepOf(name, parent))
    return live.span(name, parent, ...rest)
  },
})

// Every fiber of this process begins with these services.
services.set(Tracer.Tracer.key, counting)
run()
