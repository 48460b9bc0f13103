/** The image of the demo, also useful on a machine that cannot pull: this machine's shell, node, git and perl. */
import { Effect, Stream } from "effect"
import { createHash } from "node:crypto"
import { realpathSync, statSync } from "node:fs"
import { BackendFailure } from "../../domain/Errors.ts"
import type { BackendError } from "../../services/Backends.ts"
import type { ProcessRunner } from "../../services/ProcessRunner.ts"
import type { Dialect } from "./dialect.ts"
import { docker } from "./dialect.ts"
import { type Engine, makeEngine } from "./engine.ts"
import type { HostImageContent } from "./hostImage.ts"
import { AGENT_UID, git, imageTar, librariesOf, perl, shell } from "./hostImage.ts"
import { WORKSPACE_LABEL } from "./image.ts"

/** Change this when the same programs must make another image. */
const LAYOUT = 4

/** The Dockerfile for machines without Linux programs to copy. */
const PULLED = "node:22-slim"

const INSTALL =
  "RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/* && mkdir /workspace"

const REPOSITORY = "bot-bottle/demo"

/** The image configuration. */
export const IMAGE_CHANGES: ReadonlyArray<string> = [
  "ENV PATH=/usr/local/bin:/usr/bin:/bin",
  "ENV HOME=/home/agent",
  "WORKDIR /workspace",
  'CMD ["/bin/sh"]',
]

const OWNED = `LABEL ${WORKSPACE_LABEL}=${AGENT_UID}:${AGENT_UID}@/workspace`

const purpose = { operation: "make image", target: REPOSITORY }

/**
 * Makes the image unless the engine has it, and returns its reference, which is derived from its content. The image is shared, and
 * stays.
 */
export const ensureDemoImageOn = Effect.fn("DemoImage.ensure")(function* (dialect: Dialect) {
  const engine = yield* makeEngine(dialect, process.env)
  const content = yield* contentHere
  const reference = sharedReference(content)
  const known = yield* engine.run(purpose, ["image", "inspect", "--format", "{{.Id}}", reference])
  return known.exitCode === 0 ? reference : yield* make(engine, content, reference)
})

/** The reference of one demo's own image on docker. */
export const ownDemoReference = (tag: string): string => `${REPOSITORY}:${tag}`

/** Gives the image another name, which its caller can remove while others use the shared one. */
export const makeOwnDemoImage = Effect.fn("DemoImage.makeOwn")(function* (tag: string) {
  const engine = yield* makeEngine(docker, process.env)
  const content = yield* contentHere
  const reference = ownDemoReference(tag)
  const named = yield* engine.run(purpose, ["tag", sharedReference(content), reference])
  return named.exitCode === 0 ? reference : yield* make(engine, content, reference)
})

const contentHere = Effect.suspend(() =>
  process.platform === "linux" ? hostContent : Effect.succeed(undefined),
)

const sharedReference = (content: HostImageContent | undefined): string =>
  `${REPOSITORY}:${content === undefined ? "pulled" : fingerprint(content)}`

const make = Effect.fnUntraced(function* (
  engine: Engine,
  content: HostImageContent | undefined,
  reference: string,
) {
  const label = `LABEL bot-bottle.demo=${reference}`
  const user = `USER ${AGENT_UID}:${AGENT_UID}`
  if (content === undefined) {
    const dockerfile = [`FROM ${PULLED}`, INSTALL, user, label, "WORKDIR /workspace", ""].join("\n")
    yield* engine.succeed(purpose, ["build", "--tag", reference, "-"], {
      stdin: Stream.make(Buffer.from(dockerfile)),
    })
    return reference
  }
  const changes = [...IMAGE_CHANGES, user, label, OWNED].flatMap((change) => ["--change", change])
  yield* engine.succeed(purpose, ["import", ...changes, "-", reference], { stdin: imageTar(content) })
  return reference
})

/** The same on docker. */
export const ensureDemoImage: Effect.Effect<string, BackendError, ProcessRunner> = ensureDemoImageOn(docker)

/** Removes the image of that reference. Succeeds when there is none. An image that a bottle uses is left alone. */
export const removeDemoImage = Effect.fn("DemoImage.remove")(function* (reference: string) {
  const engine = yield* makeEngine(docker, process.env)
  yield* Effect.ignore(engine.run(purpose, ["image", "rm", reference]))
})

const hostContent = Effect.gen(function* () {
  const base = yield* shell
  const { programs: gitPrograms, links: gitLinks } = yield* git
  const { programs: perlPrograms, files } = yield* perl
  const programs = new Map([
    ...base.programs,
    ...gitPrograms,
    ...perlPrograms,
    ["/usr/local/bin/node", process.execPath] as const,
  ])
  const linked = [...programs.values(), ...files.filter((file) => file.endsWith(".so"))]
  const libraries = yield* Effect.forEach(linked, librariesOf, { concurrency: 4 })
  return {
    programs,
    links: new Map([...base.links, ...gitLinks]),
    libraries: new Set(libraries.flat()),
    files,
  } satisfies HostImageContent
}).pipe(
  Effect.mapError(
    (error) => new BackendFailure({ backend: "docker", ...purpose, reason: error.message, cause: error }),
  ),
)

/** Twelve characters derived from the content of the image. */
const fingerprint = (content: HostImageContent): string => {
  const sources = [...content.programs.values(), ...content.libraries, ...content.files].map((path) => {
    const { size, mtimeMs } = statSync(realpathSync(path))
    return [path, size, mtimeMs]
  })
  return createHash("sha256")
    .update(JSON.stringify([LAYOUT, process.version, IMAGE_CHANGES, sources, [...content.links]]))
    .digest("hex")
    .slice(0, 12)
}
