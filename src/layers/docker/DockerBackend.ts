/** DockerBackend runs bottles as containers of a docker engine: no network, no capabilities, our own system call filter. */
import type { Duration } from "effect"
import { Effect, MutableHashMap, Option, Stream } from "effect"
import { readdir, rm } from "node:fs/promises"
import { totalmem } from "node:os"
import { join } from "node:path"
import type { BottlePlan } from "../../domain/Bottle.ts"
import { BackendUnavailable } from "../../domain/Errors.ts"
import type { Slug } from "../../domain/Slug.ts"
import { once } from "../../services/once.ts"
import type { Backend, CreatedBottle } from "../../services/Backends.ts"
import type { ProcessRunner } from "../../services/ProcessRunner.ts"
import { removeRunDirectory, writeRunDirectory } from "../bottle/runDirectory.ts"
import { NECK_URL } from "../../domain/Neck.ts"
import { workspaceTar } from "../git/workspace.ts"
import { Home } from "../home/Home.ts"
import { installationId } from "../home/installation.ts"
import type { Docker } from "./agent.ts"
import { attachTo, harvest, logsOf, outputOf, startBottle, stopBottle, waitFor } from "./agent.ts"
import { hasArtifact, listArtifacts } from "./artifacts.ts"
import { BUILD_SILENCE, builtImage, namedByBuild, removeBuild, unneededBuilds } from "./builds.ts"
import type { Container } from "./containers.ts"
import {
  containersOf,
  findContainer,
  isUnstarted,
  listBottles,
  removeContainers,
  runOf,
  toBottle,
} from "./containers.ts"
import { accepts, agentUser, createContainer } from "./create.ts"
import type { Dialect } from "./dialect.ts"
import { docker as dockerDialect } from "./dialect.ts"
import { ending } from "./ending.ts"
import type { Engine, Purpose, TransportName } from "./engine.ts"
import { makeEngine } from "./engine.ts"
import { findArtifacts, freezeBottle, MAX_LAYERS, removeArtifacts } from "./freeze.ts"
import { digestOf, hasWorkspace, presentImage, withoutVolumes } from "./image.ts"
import type { Naming } from "./naming.ts"
import { naming } from "./naming.ts"
import { copyIn, copyOut, shellIn } from "./tools.ts"

export type { Dialect } from "./dialect.ts"

/** Options of a docker-like backend. */
export interface DockerOptions {
  /** A freeze flattens an artifact that would have more layers; 120 unless given. An engine allows 125. */
  readonly maxLayers?: number
  /** How long the builder of a manifest's `build` may be silent; 15 minutes unless given. */
  readonly buildSilence?: Duration.Duration
  /** How the engine is reached. Its socket unless given, where it has one on this machine. */
  readonly transport?: TransportName
  /** The command line; docker's unless given. */
  readonly dialect?: Dialect
  /** Source of `DOCKER_HOST` and similar variables; the process's environment unless given. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

const DEFAULT_MEMORY_MAX = 8 * 1024 ** 3

/** An image may be large, and its disk slow. */
const SAVING = { timeoutMs: 60 * 60_000 }

/** An engine that takes longer to return its version is unusable. */
const CHECK_TIMEOUT_MS = 20_000

/** A docker-like backend. The engine is not called before the first method. */
export const makeWith = Effect.fn("DockerBackend.make")(function* (options: DockerOptions) {
  const home = yield* Home
  const engine = yield* makeEngine(
    options.dialect ?? dockerDialect,
    options.env ?? process.env,
    options.transport,
  )
  const { name } = engine.dialect
  const buildSilence = options.buildSilence ?? BUILD_SILENCE
  const maxLayers = options.maxLayers ?? MAX_LAYERS
  const looked: Docker["looked"] = MutableHashMap.empty()
  const created: Docker["created"] = MutableHashMap.empty()
  const images: Docker["images"] = MutableHashMap.empty()
  const attached: Docker["attached"] = MutableHashMap.empty()

  const ready = yield* once(
    installationId(home).pipe(
      Effect.mapError((cause) =>
        engine.failure({ operation: "read", target: home.installation }, cause.reason),
      ),
      Effect.map((id): Docker => ({
        engine,
        naming: naming(id, engine.dialect.imagePrefix),
        home,
        buildSilence,
        looked,
        created,
        images,
        attached,
      })),
    ),
  )
  const using = <A, E>(use: (docker: Docker) => Effect.Effect<A, E>) => Effect.flatMap(ready, use)

  const backend: Backend = {
    name,
    warning: Option.none(),
    neck: Option.some(NECK_URL),
    needsLoopback: false,
    defaultMemoryBytes: Math.min(Math.floor(totalmem() / 2), DEFAULT_MEMORY_MAX),
    check: check(engine),
    engine: nameOf(engine),
    accepts: (plan) => accepts(name, plan),
    ensureImage: (plan) =>
      using((docker) =>
        Effect.map(look(docker, namedByBuild(docker.naming, plan)), (found) => {
          MutableHashMap.set(looked, plan.slug, found)
        }),
      ).pipe(Effect.withSpan("Backend.ensureImage")),
    create: (plan) => using((docker) => createBottle(docker, namedByBuild(docker.naming, plan))),
    start: (slug) => using((docker) => startBottle(docker, slug)),
    inspect: (slug) => using((docker) => inspectBottle(docker, slug)),
    ending: (slug) => using((docker) => ending(docker, slug)),
    output: (slug, run) => Stream.unwrap(Effect.map(ready, (docker) => outputOf(docker, slug, run))),
    logs: (slug, run, follow, since) =>
      Stream.unwrap(Effect.map(ready, (docker) => logsOf(docker, slug, run, follow, since))),
    wait: (slug) => using((docker) => waitFor(docker, slug)),
    stop: (slug) => using((docker) => stopBottle(docker, slug)),
    attach: (slug) => using((docker) => attachTo(docker, slug)),
    shell: (slug) => using((docker) => shellIn(docker, slug)),
    copyOut: (slug, source) => Stream.unwrap(Effect.map(ready, (docker) => copyOut(docker, slug, source))),
    copyIn: (slug, target) => using((docker) => copyIn(docker, slug, target)),
    freeze: (slug, run) => using((docker) => freezeBottle(docker, maxLayers, slug, run)),
    remove: (slug) => using((docker) => removeBottle(docker, slug)),
    removeArtifacts: (slug, keep) =>
      using(({ naming }) =>
        removeArtifacts(engine, naming, { operation: "remove", target: slug }, slug, keep),
      ),
    destroy: (slug) => using((docker) => destroyBottle(docker, slug)),
    list: using(({ naming }) => listBottles(engine, naming)),
    artifacts: using(({ naming }) => listArtifacts(engine, naming)),
    images: {
      save: (reference, file) =>
        Effect.asVoid(
          engine.succeed({ operation: "save", target: reference }, ["save", "-o", file, reference], SAVING),
        ),
      load: (file) =>
        Effect.asVoid(engine.succeed({ operation: "load", target: file }, ["load", "-i", file], SAVING)),
    },
    hasArtifact: (slug, reference) => using(({ naming }) => hasArtifact(engine, naming, slug, reference)),
    builds: {
      unneeded: using(({ naming }) => unneededBuilds(engine, naming)),
      remove: (reference) => removeBuild(engine, reference),
    },
  }
  return backend
})

/** The docker engine of this environment. */
export const make: Effect.Effect<Backend, BackendUnavailable, ProcessRunner> = makeWith({})

const check = Effect.fn("Backend.check")(function* (engine: Engine) {
  const purpose = { operation: "check", target: "engine" }
  const info = ["info", "--format", engine.dialect.info]
  const said = yield* engine.succeed(purpose, info, { timeoutMs: CHECK_TIMEOUT_MS }).pipe(
    Effect.zipLeft(engine.transport),
    Effect.catchTag("BackendFailure", ({ reason }) =>
      Effect.fail(new BackendUnavailable({ backend: engine.dialect.name, reason })),
    ),
  )
  return `${engine.dialect.name} ${said.trim()}`
})

const nameOf = Effect.fn("Backend.engine")(function* (engine: Engine) {
  const purpose = { operation: "inspect", target: "engine" }
  const info = yield* (yield* engine.transport).info(purpose)
  return yield* Effect.mapError(engine.dialect.engineName(info), () =>
    engine.failure(purpose, "it described itself in an unknown form"),
  )
})

const inspectBottle = Effect.fn("Backend.inspect")(function* ({ engine, naming }: Docker, slug: Slug) {
  const container = yield* findContainer(engine, naming, { operation: "inspect", target: slug }, slug)
  return Option.map(container, (found) => toBottle(slug, found))
})

const look = Effect.fnUntraced(function* (docker: Docker, plan: BottlePlan) {
  const { engine, naming } = docker
  const purpose = { operation: "create", target: plan.slug }
  const found = yield* Effect.all(
    { image: imageOf(docker, plan), earlier: findContainer(engine, naming, purpose, plan.slug) },
    { concurrency: "unbounded" },
  )
  return { reference: plan.image, ...found }
})

const imageOf = ({ engine, naming, buildSilence }: Docker, plan: BottlePlan) =>
  plan.build === undefined
    ? presentImage(engine, plan)
    : Effect.flatMap(builtImage(engine, naming, plan, plan.build, buildSilence), (image) =>
        withoutVolumes(plan.image, image),
      )

/** A container that was only created is made anew, because its workspace may be incomplete. Any other is left alone. */
const createBottle = Effect.fn("Backend.create")(function* (docker: Docker, plan: BottlePlan) {
  const { engine, naming, home } = docker
  const purpose = { operation: "create", target: plan.slug }
  yield* accepts(engine.dialect.name, plan)
  const known = MutableHashMap.get(docker.looked, plan.slug)
  MutableHashMap.remove(docker.looked, plan.slug)
  const { image, earlier } = yield* Option.match(
    Option.filter(known, ({ reference }) => reference === plan.image),
    { onNone: () => look(docker, plan), onSome: Effect.succeed },
  )
  const imageDigest = digestOf(image)
  if (Option.exists(earlier, (container) => !isUnstarted(container))) {
    return { user: Option.getOrThrow(earlier).Config.User, imageDigest }
  }
  yield* removeContainers(engine, purpose, Option.toArray(earlier))
  const user = yield* agentUser(engine, naming, plan, image)
  const paths = yield* Effect.provideService(writeRunDirectory(plan), Home, home)
  yield* createContainer(engine, naming, plan, paths, image.Id, user)
  const filled = plan.rehydrate || (plan.workspace === undefined && hasWorkspace(image, plan, user))
  if (!filled) yield* fillWorkspace(engine, purpose, naming.container(plan.slug), plan, user)
  MutableHashMap.set(docker.created, plan.slug, plan.run)
  MutableHashMap.set(docker.images, plan.slug, image)
  const bottle: CreatedBottle = { user, imageDigest }
  return bottle
})

const fillWorkspace = Effect.fn("fillWorkspace")(function* (
  engine: Engine,
  purpose: Purpose,
  container: string,
  plan: BottlePlan,
  user: string,
) {
  const [uid = 0, gid = 0] = user.split(":").map(Number)
  const tar = workspaceTar(plan.workspace, { uid, gid, prefix: plan.workdir })
  yield* engine.succeed(purpose, ["cp", "-", `${container}:/`], { stdin: tar })
})

/** Output that was not read to its end would be lost with the container. */
const removeBottle = Effect.fn("Backend.remove")(function* (docker: Docker, slug: Slug) {
  const { engine, naming } = docker
  const purpose = { operation: "remove", target: slug }
  const containers = yield* containersOf(engine, naming, purpose, slug)
  const ended = containers.find(
    (container) => isItself(naming, slug, container) && toBottle(slug, container).state === "exited",
  )
  if (ended !== undefined) yield* harvest(docker, purpose, slug, runOf(ended))
  yield* removeContainers(engine, purpose, containers)
  yield* forget(docker, slug)
})

const isItself = (naming: Naming, slug: Slug, { Name }: Container) => Name === naming.container(slug)

const forget = ({ home, created, images, attached }: Docker, slug: Slug) => {
  MutableHashMap.remove(created, slug)
  MutableHashMap.remove(images, slug)
  MutableHashMap.remove(attached, slug)
  return Effect.provideService(removeRunDirectory(slug), Home, home)
}

const destroyBottle = Effect.fn("Backend.destroy")(function* (docker: Docker, slug: Slug) {
  const { engine, naming, home } = docker
  const purpose = { operation: "destroy", target: slug }
  const containersGone = Effect.flatMap(containersOf(engine, naming, purpose, slug), (containers) =>
    removeContainers(engine, purpose, containers),
  )
  const [removeImages] = yield* Effect.all(
    [findArtifacts(engine, naming, purpose, slug, Option.none()), containersGone],
    { concurrency: "unbounded" },
  )
  // An image cannot be removed while a container uses it.
  yield* removeImages
  yield* forget(docker, slug)
  yield* removeOutput(engine, purpose, home.of(slug).state)
})

const removeOutput = Effect.fnUntraced(function* (engine: Engine, purpose: Purpose, state: string) {
  const attempt = <A>(action: () => Promise<A>) =>
    Effect.tryPromise({ try: action, catch: (cause) => engine.failure(purpose, String(cause)) })
  const names = yield* Effect.orElseSucceed(
    attempt(() => readdir(state)),
    () => [],
  )
  const files = names.filter((name) => /^output-\d+\.log(\..*)?$/.test(name))
  yield* Effect.forEach(files, (file) => attempt(() => rm(join(state, file), { force: true })))
})
