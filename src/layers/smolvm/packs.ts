/** Packs (`.smolmachine` files): of images, made once for each, and of stopped machines, which are a bottle's artifacts. */
import { Effect, Option } from "effect"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs"
import { dirname, isAbsolute, join } from "node:path"
import type { BottlePlan } from "../../domain/Bottle.ts"
import { FreezeFailed } from "../../domain/Errors.ts"
import type { BackendArtifact } from "../../services/Backends.ts"
import type { HomeShape } from "../home/Home.ts"
import type { Control } from "../supervisor/control.ts"
import { controlOf, failure, onFiles, slugsOf } from "../supervisor/control.ts"
import type { SmolvmCall, Smolvm } from "./smolvm.ts"

const SUFFIX = ".smolmachine"

/** The pack for a plan's machine. */
export const packOf = (home: HomeShape, plan: BottlePlan): string =>
  plan.rehydrate || isAbsolute(plan.image)
    ? plan.image
    : `${join(home.root, "smolvm", createHash("sha256").update(plan.image).digest("hex").slice(0, 16))}${SUFFIX}`

/** Makes the plan's pack present by its pull policy. smolvm pulls an image outside of any machine, which has no network. */
export const presentPack = Effect.fn("Packs.present")(function* (
  smolvm: Smolvm,
  home: HomeShape,
  control: Control,
  plan: BottlePlan,
) {
  const pack = packOf(home, plan)
  const isFile = pack === plan.image
  if (existsSync(pack) && (isFile || plan.pull !== "always")) return pack
  if (plan.rehydrate) {
    return yield* failure(
      control,
      "create",
      `its artifact ${pack} is gone: destroy the bottle and start a new one`,
    )
  }
  if (isFile) return yield* failure(control, "pull", `there is no pack ${pack}`)
  if (plan.pull === "never") {
    return yield* failure(
      control,
      "pull",
      `image ${plan.image} is not packed yet, and its pull policy is never: start with --pull missing`,
    )
  }
  yield* Effect.logInfo(`packing image ${plan.image} for smolvm; the next bottle uses the same pack`)
  yield* onFiles(control, "pull", () => mkdirSync(dirname(pack), { recursive: true, mode: 0o700 }))
  yield* makePack(smolvm, { operation: "pull", target: plan.image }, ["--image", plan.image], control, pack)
  return pack
})

/** `pack create -o OUT` writes a program OUT, which is not needed here, and OUT.smolmachine, which is complete or missing. */
const makePack = Effect.fnUntraced(function* (
  smolvm: Smolvm,
  call: SmolvmCall,
  from: ReadonlyArray<string>,
  control: Control,
  pack: string,
) {
  const draft = `${pack.slice(0, -SUFFIX.length)}.draft-${process.pid}`
  const forget = Effect.sync(() => {
    for (const file of [draft, `${draft}${SUFFIX}`]) rmSync(file, { force: true })
  })
  yield* smolvm
    .succeed(call, ["pack", "create", ...from, "--output", draft])
    .pipe(
      Effect.zipRight(onFiles(control, call.operation, () => renameSync(`${draft}${SUFFIX}`, pack))),
      Effect.ensuring(forget),
    )
})

/** Packs a stopped machine and returns the artifact's path. The caller removes older artifacts. */
export const freezeMachine = Effect.fn("Packs.freeze")(function* (
  smolvm: Smolvm,
  control: Control,
  name: string,
  run: number,
) {
  const { packWorkspace } = yield* smolvm.features
  const pack = join(control.root, `frozen-${run}${SUFFIX}`)
  const from = ["--from-vm", name, ...(packWorkspace ? ["--include-workspace"] : [])]
  yield* makePack(smolvm, { operation: "freeze", target: control.slug }, from, control, pack).pipe(
    Effect.catchTag("BackendFailure", ({ reason }) => {
      const local = /local (image|rootfs|archive)/i.test(reason)
        ? "; a machine of a local image cannot be packed: push the image to a registry and start from there"
        : ""
      return Effect.fail(new FreezeFailed({ slug: control.slug, reason: `${reason}${local}` }))
    }),
  )
  return pack
})

const packsIn = (root: string): ReadonlyArray<string> =>
  existsSync(root)
    ? readdirSync(root)
        .filter((name) => name.startsWith("frozen-"))
        .map((name) => join(root, name))
    : []

/** Removes artifacts, and drafts of killed freezes, except the one to keep. */
export const removePacks = (control: Control, kept: Option.Option<string>) =>
  onFiles(control, "remove", () => {
    for (const path of packsIn(control.root)) {
      if (Option.getOrUndefined(kept) !== path) rmSync(path, { recursive: true, force: true })
    }
  })

/** All artifacts below a home. */
export const listPacks = (home: HomeShape) =>
  onFiles({ backend: "smolvm", slug: "artifacts" }, "list", () =>
    slugsOf("smolvm", home).flatMap((slug): ReadonlyArray<BackendArtifact> => {
      const { root } = controlOf("smolvm", home, slug)
      return packsIn(root)
        .filter((path) => /\/frozen-\d+\.smolmachine$/.test(path))
        .map((reference) => ({ slug, reference, createdAt: statSync(reference).mtimeMs }))
    }),
  )
