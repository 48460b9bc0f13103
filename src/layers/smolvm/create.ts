/** Creates a machine for a bottle: refusals, mounts, the agent's user and its working directory. */
import { Effect, Option, Schema } from "effect"
import type { Stream } from "effect"
import { cpSync, existsSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import type { BottlePlan } from "../../domain/Bottle.ts"
import type { LaunchRefused } from "../../domain/Errors.ts"
import { DEFAULT_PIDS } from "../../domain/Plan.ts"
import type { Slug } from "../../domain/Slug.ts"
import type { CreatedBottle } from "../../services/Backends.ts"
import { writeRunDirectory } from "../bottle/runDirectory.ts"
import { SIDECAR_FILES } from "../bottle/runFiles.ts"
import { workspaceTar } from "../git/workspace.ts"
import type { BottlePaths, HomeShape } from "../home/Home.ts"
import { Home } from "../home/Home.ts"
import type { Control } from "../supervisor/control.ts"
import { controlOf, failure, keep, lookAt, onFiles, readRecord, RunRecord } from "../supervisor/control.ts"
import type { MachineInput } from "./machine.ts"
import {
  createArguments,
  deleteMachine,
  GUEST_SOCKET,
  inMachine,
  keepable,
  LABEL,
  machineName,
  ownWorkdir,
  refuse,
  startMachine,
} from "./machine.ts"
import { packOf, presentPack } from "./packs.ts"
import type { Machine } from "./run.ts"
import type { SmolvmCall, Features, Smolvm } from "./smolvm.ts"
import { acceptUser, agentUser, asRoot } from "./user.ts"

/** Shared state of the operations on bottles. */
export interface Smol {
  readonly smolvm: Smolvm
  readonly home: HomeShape
  readonly installation: string
}

/** The machine of a slug, whether or not it exists. */
export const machineOf = ({ smolvm, home, installation }: Smol, slug: Slug): Machine => ({
  smolvm,
  control: controlOf("smolvm", home, slug),
  name: machineName(installation, slug),
})

/** Paths in a bottle that cannot be a workspace. */
const RESERVED = /^\/+$|^\/+(run|proc|sys|dev|tmp)(\/|$)/

/** Refuses what no version of smolvm can enforce. */
export const accepts = (plan: BottlePlan): Effect.Effect<void, LaunchRefused> => {
  const { build, image, limits, workdir } = plan
  if (build !== undefined) {
    return refuse(
      `smolvm builds no images (build: ${build.context}): build it elsewhere, push it to a registry and name it as image, or use docker or podman`,
    )
  }
  if (image === "") return refuse('the bottle manifest names no image: add "image: ..." to it')
  if (/^[./]/.test(image) && !/^\/.*\.smolmachine$/.test(image)) {
    return refuse(
      `smolvm cannot freeze a machine of the local image ${image}: name one of a registry, or the path of a .smolmachine`,
    )
  }
  if (!/^[A-Za-z0-9/][\w.\-/:@]*$/.test(image)) return refuse(`"${image}" is not the name of an image`)
  if (limits.cpus !== undefined && !Number.isInteger(limits.cpus)) {
    return refuse(`smolvm gives whole cpus only, not ${limits.cpus}: change limits.cpus`)
  }
  if (limits.diskBytes !== undefined) return refuse("limits.disk cannot be enforced by smolvm: remove it")
  if (limits.pids !== DEFAULT_PIDS) {
    return refuse(
      "limits.pids cannot be enforced by smolvm, whose machines have a kernel of their own: remove it",
    )
  }
  return RESERVED.test(workdir) || workdir.split("/").includes("..")
    ? refuse(`workdir ${workdir} cannot belong to the agent: name a folder such as /workspace`)
    : acceptUser(plan)
}

/** Makes the plan's pack present, and refuses what this version cannot enforce. */
export const ensurePack = Effect.fn("Backend.ensureImage")(function* (
  { smolvm, home }: Smol,
  plan: BottlePlan,
) {
  yield* keepable(plan, yield* smolvm.features)
  yield* presentPack(smolvm, home, controlOf("smolvm", home, plan.slug), plan)
})

/** A machine whose preparation did not finish is created anew. Any other is left alone. */
export const createBottle = Effect.fn("Backend.create")(function* (smol: Smol, plan: BottlePlan) {
  const { smolvm, home } = smol
  const { slug } = plan
  const { control, name } = machineOf(smol, slug)
  const call: SmolvmCall = { operation: "create", target: slug }
  const features = yield* smolvm.features
  yield* keepable(plan, features)
  const earlier = yield* lookAt(control)
  if (Option.exists(earlier, ({ state }) => state !== "created")) {
    const user = Option.flatMapNullable(yield* readRecord(control), (record) => record.user)
    return { user: Option.getOrElse(user, () => ""), imageDigest: "" } satisfies CreatedBottle
  }
  if (!existsSync(packOf(home, plan))) yield* presentPack(smolvm, home, control, plan)
  yield* deleteMachine(smolvm, call, name)
  yield* onFiles(control, "create", () => rmSync(control.control, { recursive: true, force: true }))
  const paths = yield* Effect.provideService(writeRunDirectory(plan), Home, home)
  const input: MachineInput = {
    name,
    labels: { [LABEL.installation]: smol.installation, [LABEL.slug]: slug },
    pack: packOf(home, plan),
    limits: plan.limits,
    neck: { files: yield* mountedFiles(control, paths), socket: paths.neckSocket },
  }
  const prepared = Effect.gen(function* () {
    yield* smolvm.succeed(call, createArguments(input))
    yield* withoutNetwork(smolvm, call, name)
    yield* startMachine(smolvm, call, name)
    const user = yield* agentUser(smolvm, call, name, plan)
    if (!plan.rehydrate) yield* fillWorkdir(smolvm, call, name, plan, user, features)
    return user
  })
  const user = yield* Effect.onError(prepared, () => Effect.ignore(deleteMachine(smolvm, call, name)))
  yield* keep(control, control.bottle, RunRecord, {
    run: plan.run,
    interactive: plan.interactive,
    user,
    workdir: plan.workdir,
  })
  yield* onFiles(control, "create", () => writeFileSync(join(control.root, "workdir"), plan.workdir))
  return { user, imageDigest: "" } satisfies CreatedBottle
})

/** smolvm mounts nothing from these (its data/storage.rs). */
const UNMOUNTABLE = /^(\/var)?\/run(\/|$)|^\/(var\/log|etc|boot|usr|bin|sbin|lib|proc|sys|dev)(\/|$)|:/

/** The files of a run, without the sidecar's: a socket inside a mount does not work, so a link points to the separately mounted one. */
const mountedFiles = Effect.fnUntraced(function* (control: Control, { neck, run }: BottlePaths) {
  const files = join(run, "smolvm")
  if (UNMOUNTABLE.test(files)) {
    return yield* refuse(`smolvm cannot mount ${files}: set BOT_BOTTLE_RUN_DIR to a directory elsewhere`)
  }
  yield* onFiles(control, "create", () => {
    rmSync(files, { recursive: true, force: true })
    cpSync(neck, files, { recursive: true, filter: (path) => !SIDECAR_FILES.has(basename(path)) })
    symlinkSync(GUEST_SOCKET, join(files, "neck.sock"))
  })
  return files
})

const StatusJson = Schema.parseJson(Schema.Struct({ network: Schema.Boolean }))

/** A pack contains its machine's network setting, and only this reveals it. */
const withoutNetwork = Effect.fnUntraced(function* (smolvm: Smolvm, call: SmolvmCall, name: string) {
  const said = yield* smolvm.succeed(call, ["machine", "status", "--name", name, "--json"])
  const { network } = yield* Effect.mapError(Schema.decode(StatusJson)(said), () =>
    failure(
      { backend: "smolvm", slug: call.target },
      call.operation,
      "smolvm described it in an unknown form",
    ),
  )
  if (network) return yield* refuse("the image's pack has a network of its own: pack it again without --net")
})

const fillWorkdir = Effect.fnUntraced(function* (
  smolvm: Smolvm,
  call: SmolvmCall,
  name: string,
  plan: BottlePlan,
  user: string,
  features: Features,
) {
  const byRoot = (script: string, stdin?: Stream.Stream<Uint8Array, unknown>) =>
    inMachine(smolvm, call, name, ["/bin/sh", "-c", script], {
      ...asRoot(features),
      ...(stdin && { stdin }),
    })
  yield* byRoot(ownWorkdir(plan, user))
  if (plan.workspace === undefined) return
  const [uid = 0, gid = 0] = user.split(":").map(Number)
  yield* byRoot("cd / && tar -x -p -f -", workspaceTar(plan.workspace, { uid, gid, prefix: plan.workdir }))
})
