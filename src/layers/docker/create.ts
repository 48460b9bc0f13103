/** Creates a container: refusals, the agent's numeric user, the run directory, and the workspace as a tar with numeric owners. */
import { Effect } from "effect"
import { writeFile } from "node:fs/promises"
import { isAbsolute, join } from "node:path"
import type { BottlePlan } from "../../domain/Bottle.ts"
import { LaunchRefused } from "../../domain/Errors.ts"
import type { BottlePaths } from "../home/Home.ts"
import { stillContainer } from "./containers.ts"
import { createArguments } from "./createArguments.ts"
import { lastLine } from "./dialect.ts"
import type { Engine, Purpose } from "./engine.ts"
import type { Image } from "./image.ts"
import type { Naming } from "./naming.ts"
import { seccompProfile } from "./seccomp.ts"
import { isRoot, namesRoot, numericUser, resolveUser } from "./users.ts"

const refuse = (reason: string) => Effect.fail(new LaunchRefused({ reason }))

/** Paths in a bottle that cannot be a workspace. */
const RESERVED = /^\/+$|^\/+(run\/+bottle|proc|sys|dev)(\/|$)/

/** Refuses what this engine cannot enforce or must not be passed, such as an image name that looks like an option of the client. */
export const accepts = Effect.fn("Backend.accepts")(function* (engine: string, plan: BottlePlan) {
  if (plan.image === "" && plan.build === undefined) {
    return yield* refuse('the bottle manifest names no image: add "image: ..." or "build: ..." to it')
  }
  if (plan.build !== undefined && !isAbsolute(plan.build.context)) {
    return yield* refuse(`build must be an absolute path here, and is ${plan.build.context}`)
  }
  if (plan.image !== "" && !/^[A-Za-z0-9][\w.\-/:@]*$/.test(plan.image)) {
    return yield* refuse(`"${plan.image}" is not the name of an image`)
  }
  if (plan.limits.diskBytes !== undefined) {
    return yield* refuse(
      `limits.disk cannot be enforced by ${engine} on this machine: remove it from the bottle manifest`,
    )
  }
  if (RESERVED.test(plan.workdir) || plan.workdir.split("/").includes("..")) {
    return yield* refuse(
      `workdir ${plan.workdir} cannot belong to the agent: name a folder such as /workspace`,
    )
  }
})

/** The agent's `uid:gid`: the plan's, or else the image's. Root only when the plan names it. */
export const agentUser = Effect.fn("agentUser")(function* (
  engine: Engine,
  naming: Naming,
  plan: BottlePlan,
  image: Image,
) {
  const named = plan.user ?? image.Config.User
  const asRoot = `image "${plan.image}" runs as root: name another user in the bottle manifest (user: "1000:1000"), or root itself`
  if (named === "") return yield* refuse(asRoot)
  const user = numericUser(named) ?? (yield* lookUp(engine, naming, plan, image, named))
  if (user === undefined) {
    return yield* refuse(
      `image "${plan.image}" has no user "${named}": name one in numbers (user: "1000:1000")`,
    )
  }
  if (!isRoot(user) || (plan.user !== undefined && namesRoot(plan.user))) return user
  return yield* refuse(
    plan.user === undefined
      ? asRoot
      : `user "${plan.user}" is root in image "${plan.image}": name another, or root itself (user: root)`,
  )
})

/** Reads the image's account files from a container that never runs. */
const lookUp = Effect.fn("lookUp")(function* (
  engine: Engine,
  naming: Naming,
  { slug }: BottlePlan,
  image: Image,
  user: string,
) {
  const purpose = { operation: "create", target: slug }
  const name = yield* stillContainer(engine, naming, purpose, slug, "look", image.Id)
  const [passwd, group] = yield* Effect.all([
    accounts(engine, purpose, name, "/etc/passwd"),
    accounts(engine, purpose, name, "/etc/group"),
  ])
  return resolveUser(user, passwd, group)
}, Effect.scoped)

/** The content of an account file in its tar, without the header, whose lines are not accounts. Empty when there is no such file. */
const accounts = Effect.fnUntraced(function* (engine: Engine, purpose: Purpose, name: string, path: string) {
  const { exitCode, stdout, stderr } = yield* engine.run(purpose, [
    ...engine.dialect.copyOut,
    `${name}:${path}`,
    "-",
  ])
  if (exitCode === 0)
    return /^[0\0]$/.test(stdout.charAt(TAR_TYPE))
      ? stdout
      : yield* refuse(`${path} of the image is not a file`)
  return /could not find the file|could not be found|no such/i.test(stderr)
    ? ""
    : yield* engine.refusal(purpose, stderr)
})

/** Offset of the entry type in a tar header; `0` is a file. */
const TAR_TYPE = 156

/** Creates the container. When `docker` cannot enforce a limit, it fails, or warns and creates a container without the limit. */
export const createContainer = Effect.fn("createContainer")(function* (
  engine: Engine,
  naming: Naming,
  plan: BottlePlan,
  paths: BottlePaths,
  image: string,
  user: string,
) {
  const { slug } = plan
  const purpose = { operation: "create", target: slug }
  const seccomp = join(paths.run, "seccomp.json")
  const files = { [seccomp]: JSON.stringify(seccompProfile), ...engine.dialect.files(paths.run) }
  yield* Effect.forEach(Object.entries(files), ([file, content]) =>
    Effect.tryPromise({
      try: () => writeFile(file, content, { mode: 0o644 }),
      catch: (cause) => engine.failure(purpose, `${file} could not be written: ${String(cause)}`),
    }),
  )
  const { exitCode, stderr } = yield* engine.run(
    purpose,
    createArguments(plan, {
      name: naming.container(slug),
      labels: naming.containerLabels(slug, plan.run),
      image,
      user,
      seccomp,
      neck: paths.neck,
      extra: engine.dialect.create(paths.run),
    }),
  )
  const lost = engine.dialect.lostLimit.exec(stderr)?.[1]
  if (exitCode === 0 && lost === undefined) return
  if (lost !== undefined && /without swap/i.test(lost))
    return yield* Effect.logWarning(`bottle ${slug}: ${lost}`)
  if (lost !== undefined) return yield* refuse(`a limit cannot be enforced: ${lost}`)
  const reason = lastLine(stderr)
  if (/range of cpus|minimum memory limit|invalid value for.*(cpus|memory|pids)/i.test(reason)) {
    return yield* refuse(`a limit cannot be enforced: ${reason}`)
  }
  return yield* engine.refusal(purpose, stderr)
})
