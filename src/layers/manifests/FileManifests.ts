/** Manifests from files: `agents/<name>.md` and `bottles/<name>.yaml` of the home and of a trusted working directory. */
import { Effect, Layer, Option, Schema } from "effect"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import type { ManifestInvalid } from "../../domain/Errors.ts"
import type { BottleManifest } from "../../domain/Manifest.ts"
import { buildOf, MANIFEST_NAME_RULE, ManifestName, mergeBottles } from "../../domain/Manifest.ts"
import { agentNotFound } from "../../domain/ManifestFile.ts"
import type { ManifestEntry, ManifestScope, ProjectReport } from "../../services/Manifests.ts"
import { Manifests } from "../../services/Manifests.ts"
import type { HomeShape } from "../home/Home.ts"
import { Home } from "../home/Home.ts"
import { manifestNames, manifestPath } from "./folder.ts"
import { writeExamples } from "./init.ts"
import type { ManifestKind } from "./parse.ts"
import { parseAgent, parseBottle } from "./parse.ts"
import { ownPrices } from "./ownPrices.ts"
import { contentProblem, parseProjectBottle, readProject, sha256 } from "./project.ts"
import { fileInvalid, readBounded } from "./readBounded.ts"
import { readTrusted, stateOf, writeTrusted } from "./trust.ts"

/** Manifests from the files of {@link Home}, read at each call. */
export const layer: Layer.Layer<Manifests> = Layer.effect(
  Manifests,
  Effect.map(Home, (home) =>
    Manifests.of({
      agent: (name, scope) => agent(home, name, scope),
      bottle: (names, scope) =>
        Effect.map(
          Effect.forEach(names, (name) => bottle(home, name, scope)),
          mergeBottles,
        ),
      digests: (agent, bottles, scope) =>
        Effect.forEach(
          [["agents", agent] as const, ...bottles.map((name) => ["bottles", name] as const)],
          ([kind, name]) => digestOf(home, kind, name, scope),
        ),
      list: (scope) =>
        Effect.all({ agents: entries(home, "agents", scope), bottles: entries(home, "bottles", scope) }),
      prices: ownPrices(home),
      describeProject: (cwd) => describeProject(home, cwd),
      trust: (cwd, digest) => trust(home, cwd, digest),
      init: writeExamples(home),
    }),
  ),
)

const isManifestName = Schema.is(ManifestName)

/** A manifest file to look for. */
type Found =
  | { readonly at: "missing" }
  | { readonly at: "untrusted"; readonly file: string }
  | { readonly at: "home" | "project"; readonly file: string; readonly bytes: Uint8Array }

const agent = Effect.fn("Manifests.agent")(function* (home: HomeShape, name: string, scope?: ManifestScope) {
  const found = yield* find(home, "agents", name, scope)
  if ("bytes" in found) return yield* parseAgent(found.file, name, found.bytes)
  const listed = yield* entries(home, "agents", scope)
  return yield* agentNotFound(name, {
    folder: home.agents,
    names: listed.map((entry) => entry.name),
    ...(found.at === "untrusted" && { untrusted: found.file }),
  })
})

const bottle = Effect.fn("Manifests.bottle")(function* (
  home: HomeShape,
  name: string,
  scope?: ManifestScope,
) {
  const found = yield* find(home, "bottles", name, scope)
  switch (found.at) {
    case "home":
      return withAbsoluteBuild(dirname(found.file), yield* parseBottle(found.file, found.bytes))
    case "project":
      return yield* parseProjectBottle(found.file, found.bytes)
    case "untrusted":
      return yield* fileInvalid(found.file, 'is not trusted: review it, then run "bot-bottle trust"')
    case "missing": {
      if (!isManifestName(name))
        return yield* fileInvalid(
          home.bottles,
          `there is no bottle ${JSON.stringify(name)}: ${MANIFEST_NAME_RULE}`,
        )
      const names = (yield* entries(home, "bottles", scope)).map((entry) => entry.name)
      return yield* fileInvalid(
        manifestPath(home.root, "bottles", name),
        `expected a bottle manifest: there is no such file; ${names.length === 0 ? '"bot-bottle init" writes an example' : `known are ${names.join(", ")}`}`,
      )
    }
  }
})

const digestOf = Effect.fn("FileManifests.digest")(function* (
  home: HomeShape,
  kind: ManifestKind,
  name: string,
  scope?: ManifestScope,
) {
  const found = yield* find(home, kind, name, scope)
  if (!("bytes" in found))
    return yield* fileInvalid(manifestPath(home.root, kind, name), "was removed meanwhile")
  return { kind: kind === "agents" ? "agent" : "bottle", name, sha256: sha256(found.bytes) } as const
})

/** A relative folder starts at the manifest's own folder; `~/` is the operator's home. */
const withAbsoluteBuild = (folder: string, bottle: BottleManifest): BottleManifest => {
  if (bottle.build === undefined) return bottle
  const build = buildOf(bottle.build)
  const context = build.context.startsWith("~/") ? join(homedir(), build.context.slice(2)) : build.context
  return { ...bottle, build: { ...build, context: resolve(folder, context) } }
}

/** The home goes first, so that a project never shadows it. */
const find = Effect.fn("FileManifests.find")(function* (
  home: HomeShape,
  kind: ManifestKind,
  name: string,
  scope?: ManifestScope,
): Effect.fn.Return<Found, ManifestInvalid> {
  if (!isManifestName(name)) return { at: "missing" }
  const file = manifestPath(home.root, kind, name)
  const bytes = yield* readBounded(file)
  if (Option.isSome(bytes)) return { at: "home", file, bytes: bytes.value }
  const project = yield* projectOf(home, scope)
  const mine = project.manifests.find((manifest) => manifest.kind === kind && manifest.name === name)
  if (mine !== undefined && project.state === "trusted")
    return { at: "project", file: mine.file, bytes: mine.bytes }
  const unread = project.problems.find((problem) => problem.file === manifestPath(project.root, kind, name))
  const untrusted = mine ?? unread
  return untrusted === undefined ? { at: "missing" } : { at: "untrusted", file: untrusted.file }
})

const projectOf = Effect.fn("FileManifests.project")(function* (home: HomeShape, scope?: ManifestScope) {
  if (scope?.homeOnly === true) return { state: "absent", root: "", manifests: [], problems: [] } as const
  const project = yield* readProject(scope?.cwd ?? process.cwd(), home.root)
  const state = stateOf(project, project.manifests.length === 0 ? {} : yield* readTrusted(home.root))
  return { ...project, state, root: `${project.directory}/.bot-bottle` }
})

const entries = Effect.fn("FileManifests.entries")(function* (
  home: HomeShape,
  kind: ManifestKind,
  scope?: ManifestScope,
) {
  const own = yield* manifestNames(home.root, kind)
  const project = yield* projectOf(home, scope)
  const trusted =
    project.state === "trusted" ? project.manifests.filter((manifest) => manifest.kind === kind) : []
  const others = trusted.filter((manifest) => !own.includes(manifest.name))
  return yield* Effect.forEach(
    [
      ...own.map((name) => {
        const file = manifestPath(home.root, kind, name)
        return {
          name,
          file,
          read: Effect.map(
            readBounded(file),
            Option.getOrElse(() => new Uint8Array()),
          ),
        }
      }),
      ...others.map(({ bytes, file, name }) => ({ name, file, read: Effect.succeed(bytes) })),
    ],
    ({ file, name, read }) =>
      Effect.flatMap(read, (bytes) => described(kind, name, file, bytes)).pipe(
        Effect.catchAll((error) => Effect.succeed(`not valid: ${error.message}`)),
        Effect.map((description): ManifestEntry => ({ name, file, description })),
      ),
  )
})

const described = Effect.fn("FileManifests.described")(function* (
  kind: ManifestKind,
  name: string,
  file: string,
  bytes: Uint8Array,
) {
  if (kind === "agents") return Option.getOrElse((yield* parseAgent(file, name, bytes)).description, () => "")
  const { build, image } = yield* parseBottle(file, bytes)
  return image ?? (build === undefined ? "" : buildOf(build).context)
})

const describeProject = Effect.fn("Manifests.describeProject")(function* (home: HomeShape, cwd?: string) {
  const project = yield* readProject(cwd ?? process.cwd(), home.root)
  const names = {
    agents: yield* manifestNames(home.root, "agents"),
    bottles: yield* manifestNames(home.root, "bottles"),
  }
  const wrong = yield* Effect.forEach(project.manifests, (manifest) => contentProblem(manifest))
  return {
    directory: project.directory,
    state: stateOf(project, yield* readTrusted(home.root)),
    files: project.manifests.map(({ file, kind, name, sha256 }) => ({
      file,
      sha256,
      shadowed: names[kind].includes(name),
    })),
    digest: project.digest,
    problems: [...project.problems, ...wrong.flatMap((problem) => Option.toArray(problem))],
  } satisfies ProjectReport
})

const trust = Effect.fn("Manifests.trust")(function* (home: HomeShape, cwd?: string, digest?: string) {
  const report = yield* describeProject(home, cwd)
  const folder = `${report.directory}/.bot-bottle`
  if (report.state === "absent")
    return yield* fileInvalid(folder, "there is nothing to trust: expected manifests in agents/ or bottles/")
  if (digest !== undefined && digest !== report.digest)
    return yield* fileInvalid(folder, "changed since it was shown: read it again")
  if (report.problems[0] !== undefined) return yield* report.problems[0]
  yield* writeTrusted(home.root, report.directory, report.digest)
  return { ...report, state: "trusted" } satisfies ProjectReport
})
