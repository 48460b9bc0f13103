/** Decodes parsed YAML into manifests and checks it key by key. Reads no files. */
import { Effect, Option, ParseResult, Schema } from "effect"
import { isSshUrl, sshRepository } from "./DeployKey.ts"
import { AgentNotFound, ManifestInvalid } from "./Errors.ts"
import type { AgentManifest } from "./Manifest.ts"
import { AgentFrontMatter, BottleManifest } from "./Manifest.ts"

/** The parts of an agent manifest: `front` is the decoded front matter (`null` when it is empty), `body` the Markdown. */
export interface AgentFile {
  readonly file: string
  readonly name: string
  readonly front: unknown
  readonly body: string
}

/** Decodes an agent. Fails with the file, the dotted path of the first wrong key, and what was expected there. */
export const decodeAgent = (source: AgentFile): Effect.Effect<AgentManifest, ManifestInvalid> =>
  decodeStrictly(source.file, AgentFrontMatter, source.front).pipe(
    Effect.filterOrFail(
      (front) => (front.provider === "command") === (front.command !== undefined),
      (front) =>
        new ManifestInvalid({
          file: source.file,
          key: "command",
          expected:
            front.provider === "command"
              ? 'is missing: the provider command needs a command such as ["sh", "run.sh"]'
              : `unknown key: only the provider command has an argv, not ${front.provider}`,
        }),
    ),
    Effect.filterOrFail(
      ({ login, provider }) => login === undefined || provider === "claude" || provider === "codex",
      () =>
        new ManifestInvalid({
          file: source.file,
          key: "login",
          expected: "only the providers claude and codex have a subscription",
        }),
    ),
    Effect.map((front) => ({
      name: source.name,
      provider: front.provider,
      ...(front.login !== undefined && { login: front.login }),
      bottle: Option.fromNullable(front.bottle).pipe(Option.filter((name) => name !== "")),
      model: Option.fromNullable(front.model),
      description: Option.fromNullable(front.description),
      command: Option.fromNullable(front.command),
      systemPrompt: source.body.trim(),
    })),
  )

/** Decodes a bottle. `value` is its parsed YAML (`null` when it is empty). Fails as {@link decodeAgent} does. */
export const decodeBottle = (file: string, value: unknown): Effect.Effect<BottleManifest, ManifestInvalid> =>
  decodeStrictly(file, BottleManifest, value).pipe(
    Effect.filterOrFail(
      (bottle) => bottle.image === undefined || bottle.build === undefined,
      () => new ManifestInvalid({ file, key: "build", expected: "either image or build, not both" }),
    ),
    Effect.tap((bottle) =>
      Option.match(keyProblem(file, bottle), { onNone: () => Effect.void, onSome: Effect.fail }),
    ),
  )

/** What a deploy key needs besides its token: a repository to register it at, and the host that it may be used with. */
const keyProblem = (file: string, bottle: BottleManifest): Option.Option<ManifestInvalid> =>
  Option.firstSomeOf(
    Object.entries(bottle.git ?? {}).map(([name, { url, key, knownHost }]) => {
      if (url === undefined || key === undefined) return Option.none()
      const problem = (which: string, expected: string) =>
        Option.some(new ManifestInvalid({ file, key: `git.${name}.${which}`, expected }))
      if (!("provider" in key) || !isSshUrl(url)) return Option.none()
      if (Option.isNone(sshRepository(url)))
        return problem(
          "url",
          "with key.provider gitea it ends with OWNER/REPO.git, where the key is registered",
        )
      return knownHost === undefined
        ? problem(
            "knownHost",
            "is missing: ssh needs the host's key. ssh-keyscan prints it; compare it with what the host's administrator says before you write it here",
          )
        : Option.none()
    }),
  )

/** What is not allowed in a manifest from an untrusted repository: secrets, key files, private hosts, `build`, a backend. */
export const projectProblem = (file: string, bottle: BottleManifest): Option.Option<ManifestInvalid> => {
  const git = Object.entries(bottle.git ?? {})
  const found = [
    ...(bottle.build === undefined ? [] : ["build"]),
    ...(bottle.backend === undefined ? [] : ["backend"]),
    ...Object.keys(bottle.routes ?? {}).map((name) => `routes.${name}.secret`),
    ...(bottle.egress?.allow ?? []).flatMap((entry, n) =>
      typeof entry !== "string" && entry.private === true ? [`egress.allow.${n}.private`] : [],
    ),
    ...git
      .filter(([, { key }]) => key !== undefined && "identityFile" in key)
      .map(([name]) => `git.${name}.key.identityFile`),
    ...git.filter(([, upstream]) => upstream.private === true).map(([name]) => `git.${name}.private`),
  ]
  return Option.fromNullable(found[0]).pipe(
    Option.map(
      (key) =>
        new ManifestInvalid({
          file,
          key,
          expected: "not allowed in a project's manifest: move it to a manifest of your home",
        }),
    ),
  )
}

/** Where agents are searched, and which ones exist. */
export interface KnownAgents {
  /** The home's folder of agents, as shown to people. */
  readonly folder: string
  readonly names: ReadonlyArray<string>
  /** A file of that name that is not trusted. */
  readonly untrusted?: string
}

/** The error for a missing agent. It lists those that exist and says what to do. */
export const agentNotFound = (agent: string, known: KnownAgents): AgentNotFound =>
  new AgentNotFound({
    agent,
    hint:
      known.untrusted !== undefined
        ? `found only in ${known.untrusted}, which is not trusted: review it, then run "bot-bottle trust"`
        : known.names.length === 0
          ? `there is no agent in ${known.folder}: "bot-bottle init" writes an example`
          : `known are ${known.names.join(", ")}; another is made by writing ${known.folder}/<name>.md`,
  })

/** Decodes a file's value with a schema, strictly. Fails as {@link decodeAgent} does, and never quotes a value, which may be a secret. */
export const decodeStrictly = <A, I>(
  file: string,
  schema: Schema.Schema<A, I>,
  value: unknown,
): Effect.Effect<A, ManifestInvalid> =>
  Option.match(protoKey(value, []), {
    onSome: (path) => Effect.fail(new ManifestInvalid({ file, key: dotted(path), expected: "unknown key" })),
    onNone: () =>
      Schema.decodeUnknown(schema)(value ?? {}, { onExcessProperty: "error", errors: "all" }).pipe(
        Effect.mapError((error) => invalid(file, ParseResult.ArrayFormatter.formatErrorSync(error))),
      ),
  })

/** The schema's decoder assigns keys one by one, and would silently drop `__proto__`. */
const protoKey = (
  value: unknown,
  path: ReadonlyArray<PropertyKey>,
): Option.Option<ReadonlyArray<PropertyKey>> => {
  if (typeof value !== "object" || value === null) return Option.none()
  if (Object.hasOwn(value, "__proto__")) return Option.some([...path, "__proto__"])
  return Option.firstSomeOf(Object.entries(value).map(([key, inner]) => protoKey(inner, [...path, key])))
}

/** The deepest issue is the most specific one: those above it only say that a part is wrong. */
const invalid = (file: string, issues: ReadonlyArray<ParseResult.ArrayFormatterIssue>): ManifestInvalid => {
  const depth = Math.max(...issues.map((issue) => issue.path.length))
  const deepest = issues.filter((issue) => issue.path.length === depth)
  const key = dotted(deepest[0]?.path ?? [])
  const messages = deepest
    .filter((issue) => dotted(issue.path) === key)
    .map((issue) => expectation(issue.message))
  const alternatives = messages.filter(
    (message) => message.startsWith("expected ") && message !== "expected undefined",
  )
  const first = messages[0] ?? "expected something else"
  return new ManifestInvalid({
    file,
    key,
    expected:
      first.startsWith("expected ") && alternatives.length > 1
        ? `expected ${[...new Set(alternatives.map((text) => text.slice("expected ".length)))].join(" or ")}`
        : first,
  })
}

/** Leaves out the actual value, which may be a secret in the wrong place. */
const expectation = (message: string): string =>
  message
    .replace(/, actual [^]*$/, "")
    .replace(/^Expected /, "expected ")
    .replace(
      /^is unexpected, expected: ([^]*)$/,
      (_, keys: string) => `unknown key: expected ${keys.replaceAll(" | ", ", ")}`,
    )

/** Keys may come from an untrusted file: anything that is not plain is quoted and cut. */
const dotted = (path: ReadonlyArray<PropertyKey>): string =>
  path
    .map(String)
    .map((part) => (/^[\w.-]{1,100}$/.test(part) ? part : JSON.stringify(part.slice(0, 100))))
    .join(".")
