/** A backend of one's own: the host backend, whose agents run with low priority. */
import type { Backend } from "bot-bottle"
import * as HostBackend from "bot-bottle/HostBackend"
import { Effect, Option } from "effect"

/**
 * How the backend is made, for `Backends.layer({ polite })`. It keeps its bottles where the host backend does: register
 * one of the two.
 */
export const polite = Effect.map(HostBackend.make, (host): Backend => ({
  ...host,
  name: "polite",
  check: Effect.map(host.check, (line) => `${line}; agents run with low priority`),
  warning: Option.map(host.warning, (text) => `${text}; it runs with low priority`),
  create: (plan) => host.create({ ...plan, argv: ["nice", "-n", "10", ...plan.argv] }),
}))
