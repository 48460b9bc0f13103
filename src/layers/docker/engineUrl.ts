/** The engine that an environment selects. */
import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

/**
 * A choice of the environment: the URL of an engine, the arguments with which the client prints it, or none. An `optional` one may be
 * another engine than the client's; the client's own command line is then used.
 */
export type EngineUrl =
  | { readonly url: string; readonly optional?: boolean }
  | { readonly ask: ReadonlyArray<string> }
  | undefined

type Environment = Readonly<Record<string, string | undefined>>

const USUAL = "unix:///var/run/docker.sock"

/**
 * As docker's command line chooses: `DOCKER_HOST`, then `DOCKER_CONTEXT`, then the configuration's current context, then its usual
 * socket. https://docs.docker.com/engine/manage-resources/contexts/
 */
export const dockerUrl = (env: Environment): EngineUrl => {
  const { DOCKER_HOST: url = "", DOCKER_CONTEXT: chosen = "" } = env
  if (url !== "") return { url }
  const context = chosen === "" ? currentContext(env) : chosen
  return context === "" || context === "default"
    ? { url: USUAL }
    : { ask: ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"] }
}

const Configuration = Schema.parseJson(
  Schema.Struct({ currentContext: Schema.optionalWith(Schema.String, { default: () => "" }) }),
)

/** `""` when there is no configuration, or none that can be read: the client then uses none either. */
const currentContext = ({ DOCKER_CONFIG: directory, HOME: home = homedir() }: Environment): string =>
  Effect.try(() => readFileSync(join(directory ?? join(home, ".docker"), "config.json"), "utf8")).pipe(
    Effect.flatMap(Schema.decode(Configuration)),
    Effect.map(({ currentContext }) => currentContext),
    Effect.orElseSucceed(() => ""),
    Effect.runSync,
  )
