/** Images of a manifest's `build`, made by the engine's own builder under names that only this installation uses. */
import { Clock, Duration, Effect, Stream } from "effect"
import { createHash, randomUUID } from "node:crypto"
import { existsSync, statSync } from "node:fs"
import { basename, resolve } from "node:path"
import { stripVTControlCharacters } from "node:util"
import type { BottlePlan, PlanBuild } from "../../domain/Bottle.ts"
import { neutralLine } from "../../domain/Neutral.ts"
import { normalizeLabel } from "../../domain/Slug.ts"
import type { BackendBuild } from "../../services/Backends.ts"
import { taggedImages } from "./artifacts.ts"
import { lastLine } from "./dialect.ts"
import type { Engine, Purpose } from "./engine.ts"
import { inspectImage } from "./image.ts"
import { tellLines } from "./lines.ts"
import type { Naming } from "./naming.ts"
import { LABEL } from "./naming.ts"

/** A builder that is silent for this long hangs. */
export const BUILD_SILENCE = Duration.minutes(15)

/** How many of its last lines are quoted when a build fails. */
const LAST_LINES = 12

/** The name of the newest build from that folder, for all bottles. */
export const buildReference = (naming: Naming, { context, dockerfile = "" }: PlanBuild): string => {
  const digest = createHash("sha256").update(`${context}\0${dockerfile}`).digest("hex")
  return `${naming.builds}:${normalizeLabel(basename(context)) || "build"}-${digest.slice(0, 12)}`
}

/** Each image also has its own name, which contains its ID. */
const ownReference = (reference: string, id: string): string =>
  `${reference}.${id.replace("sha256:", "").slice(0, 12)}`

/** The plan with the name of its image. */
export const namedByBuild = (naming: Naming, plan: BottlePlan): BottlePlan =>
  plan.build === undefined ? plan : { ...plan, image: buildReference(naming, plan.build) }

/**
 * Builds the image of a plan. The builder runs at each launch, and uses its cache when nothing changed. With the policy `never` nothing
 * is built, and the image of the last build is used.
 */
export const builtImage = Effect.fn("builtImage")(function* (
  engine: Engine,
  naming: Naming,
  plan: BottlePlan,
  build: PlanBuild,
  silence: Duration.Duration,
) {
  const purpose = { operation: "build", target: build.context }
  const reference = buildReference(naming, build)
  const never = "it is not built yet, and its pull policy is never: start with --pull missing"
  if (plan.pull === "never") return yield* present(engine, purpose, reference, never)
  if (!isFolder(build.context)) {
    const reason = "there is no such folder: a relative `build` starts at the folder of its manifest"
    return yield* engine.failure(purpose, reason)
  }
  // A name that no other build has: an image under it was built just now, on this engine.
  const draft = `${reference}.${DRAFT}${yield* Clock.currentTimeMillis}-${randomUUID().slice(0, 8)}`
  return yield* Effect.gen(function* () {
    yield* runBuild(engine, naming, purpose, build, { draft, always: plan.pull === "always", silence })
    const elsewhere =
      "its builder did not put the image on this engine: choose one that does (docker buildx use default)"
    const image = yield* present(engine, purpose, draft, elsewhere)
    for (const name of [ownReference(reference, image.Id), reference])
      yield* engine.succeed(purpose, ["tag", draft, name])
    return image
  }).pipe(Effect.ensuring(Effect.ignore(engine.run(purpose, ["image", "rm", draft]))))
})

const DRAFT = "draft-"

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

const present = (engine: Engine, purpose: Purpose, reference: string, otherwise: string) =>
  Effect.flatMap(inspectImage(engine, reference), (found) =>
    Effect.mapError(found, () => engine.failure(purpose, otherwise)),
  )

const runBuild = Effect.fn("runBuild")(function* (
  engine: Engine,
  naming: Naming,
  purpose: Purpose,
  { context, dockerfile }: PlanBuild,
  { draft, always, silence }: { draft: string; always: boolean; silence: Duration.Duration },
) {
  const labels = { [LABEL.installation]: naming.installation, [LABEL.build]: context }
  const args = [
    ...engine.dialect.build(always),
    // Without it docker's legacy builder leaves the container of a failed step.
    "--force-rm",
    "--tag",
    draft,
    ...Object.entries(labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]),
    ...(dockerfile === undefined ? [] : ["--file", resolve(context, dockerfile)]),
    context,
  ]
  yield* Effect.logInfo(`building the image of ${context}`)
  const last: Array<string> = []
  const errors: Array<string> = []
  let toldAt = 0
  const tell = Effect.fnUntraced(function* (coloured: string, stream: "stdout" | "stderr") {
    const line = stripVTControlCharacters(coloured).trimEnd()
    if (isNoise(line)) return
    for (const kept of stream === "stderr" ? [errors, last] : [last]) {
      kept.push(line)
      if (kept.length > LAST_LINES) kept.shift()
    }
    const now = yield* Clock.currentTimeMillis
    if (!isStep(line) && now - toldAt < 1000) return
    toldAt = now
    yield* Effect.logInfo(`build: ${line}`)
  })
  const hangs = () =>
    engine.failure(
      purpose,
      `the builder said nothing for ${Duration.format(silence)} and was given up, after:${quoted(last)}`,
    )
  const exit = yield* Effect.scoped(
    Effect.gen(function* () {
      const client = yield* engine.stream(purpose, args)
      yield* tellLines(Stream.timeoutFail(client.output, hangs, silence), tell)
      return yield* client.exit
    }),
  )
  if (exit.exitCode === 0) return
  const refusal = engine.refusal(purpose, errors.join("\n"))
  if (refusal._tag === "BackendUnavailable") return yield* refusal
  return yield* engine.failure(
    purpose,
    `${neutralLine(lastLine(errors.join("\n")))}; its last lines:${quoted(last)}`,
  )
})

const quoted = (lines: ReadonlyArray<string>): string =>
  lines.map((line) => `\n  | ${neutralLine(line)}`).join("")

/** Empty lines, docker's notice about its legacy builder, and BuildKit's names of its steps. */
const isNoise = (line: string): boolean =>
  line.trim() === "" ||
  /^DEPRECATED: The legacy builder|^ +Install the buildx component|^ +https:\/\/docs\.docker\.com\/go\/buildx|^#\d+ sha256:\w+$/.test(
    line,
  )

/** docker's legacy builder, podman's and BuildKit each number their steps. */
const isStep = (line: string): boolean => /^(step \d+\/\d+|#\d+ \[)/i.test(line)

/** Built images that no bottle needs: there is a newer build, or the folder they were built from is gone. */
export const unneededBuilds = Effect.fn("Backend.builds")(function* (engine: Engine, naming: Naming) {
  const purpose = { operation: "list", target: "images" }
  const images = yield* taggedImages(engine, purpose, naming.builds)
  const found = images.flatMap(({ Id, Created, RepoTags, Labels }) => {
    const context = Labels[LABEL.build]
    if (Labels[LABEL.installation] !== naming.installation || context === undefined) return []
    const names = RepoTags.filter((name) => name.startsWith(`${naming.builds}:`))
    const gone = !existsSync(context)
    return names
      .filter(
        (name) => gone || (isOwn(naming, name) && !names.some((last) => ownReference(last, Id) === name)),
      )
      .map((reference) => ({
        Id,
        reference,
        reason: gone ? `${context} is gone` : "superseded",
        createdAt: draftedAt(reference) ?? Date.parse(Created),
      }))
  })
  const free = yield* Effect.filter(found, ({ Id }) =>
    Effect.map(
      engine.succeed(purpose, ["ps", "--all", "--quiet", "--filter", `ancestor=${Id}`]),
      (containers) => containers.trim() === "",
    ),
  )
  return free.map(({ reference, reason, createdAt }): BackendBuild => ({ reference, reason, createdAt }))
})

const isOwn = (naming: Naming, name: string): boolean => name.slice(naming.builds.length).includes(".")

/** A killed build left its draft name, possibly on an old image. */
const draftedAt = (reference: string): number | undefined => {
  const time = new RegExp(`\\.${DRAFT}(\\d+)-`).exec(reference)?.[1]
  return time === undefined ? undefined : Number(time)
}

/** Removes one name of a built image. Without names the image is removed. */
export const removeBuild = Effect.fn("Backend.removeBuild")(function* (engine: Engine, reference: string) {
  const purpose = { operation: "remove", target: reference }
  const { exitCode, stderr } = yield* engine.run(purpose, ["image", "rm", reference])
  if (exitCode !== 0 && !engine.dialect.missing(stderr)) return yield* engine.refusal(purpose, stderr)
})
