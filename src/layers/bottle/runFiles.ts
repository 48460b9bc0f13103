/** The files of a run beside its neck: the scripts that run in the bottle, prompt, environment, argv and provider files. */
import { Effect, Option } from "effect"
import { posix } from "node:path"
import type { BottlePlan, RunFile } from "../../domain/Bottle.ts"
import { NECK_URL } from "../../domain/Neck.ts"
import type { PlanClone } from "../../domain/Clone.ts"
import { BackendFailure, BackendUnavailable, InvalidInput } from "../../domain/Errors.ts"
import { routeVariables } from "../../domain/RouteVariables.ts"

/** Where the neck's directory is mounted in a bottle. */
export const NECK_MOUNT = "/run/bottle"

/** Exit code of `bin/enter` when it failed before starting the agent. */
export const ENTER_FAILED = 125

/** The scripts of the package's `bottle/` that are put into `bin/`. */
export const SCRIPTS = [
  "clone",
  "enter",
  "forge",
  "forwarder.cjs",
  "forwarder.pl",
  "forwarder.py",
  "forwarder.sh",
  "post.cjs",
  "post.pl",
  "post.py",
  "post.sh",
] as const

/** The sidecar's files in the neck's directory. All others belong to a run. */
export const SIDECAR_FILES: ReadonlySet<string> = new Set(["neck.sock", "loopback"])

const RESERVED: ReadonlySet<string> = new Set([...SIDECAR_FILES, "bin", "prompt", "env", "argv", "workspace"])

/** Paths and contents, as the agent sees them. */
export interface RunFilesOptions {
  /** The neck's directory; {@link NECK_MOUNT} unless given. */
  readonly neckDirectory?: string
  /** Contents of the scripts, by name. */
  readonly scripts: Readonly<Record<(typeof SCRIPTS)[number], string>>
}

/** All files of a run, with paths relative to the neck's directory. An impossible name or path is `InvalidInput`. */
export const runFiles = (
  plan: BottlePlan,
  { neckDirectory = NECK_MOUNT, scripts }: RunFilesOptions,
): Effect.Effect<ReadonlyArray<RunFile>, InvalidInput> =>
  Effect.gen(function* () {
    const env = yield* envFile(plan, neckDirectory)
    const argv = yield* argvFile(plan.argv)
    const files = yield* Effect.forEach(plan.files, insideFile)
    return [
      ...SCRIPTS.map((name) => ({ path: `bin/${name}`, content: scripts[name], mode: 0o755 })),
      ...(plan.prompt === undefined ? [] : [{ path: "prompt", content: plan.prompt }]),
      { path: "env", content: env },
      { path: "argv", content: argv },
      ...(plan.clone === undefined
        ? []
        : [{ path: "workspace", content: workspaceFile(plan.clone, plan.rehydrate) }]),
      ...files,
    ]
  })

/** Why `bin/enter` failed, from its last line on stderr. None when it was the agent that ended. */
export const enterFailure = (exitCode: number, stderrTail: string): Option.Option<string> => {
  const last = stderrTail.trimEnd().split("\n").at(-1) ?? ""
  return exitCode === ENTER_FAILED && last.startsWith("bot-bottle-enter: ")
    ? Option.some(last.slice("bot-bottle-enter: ".length).trim())
    : Option.none()
}

/** The error for the result of {@link enterFailure}: the neck did not open, or the workspace could not be cloned. */
export const enterError = (
  backend: string,
  slug: string,
  cause: string,
): BackendFailure | BackendUnavailable => {
  const [, reason] = /^workspace: (.*)$/.exec(cause) ?? []
  return reason === undefined
    ? new BackendUnavailable({ backend, reason: cause })
    : new BackendFailure({
        backend,
        operation: "cloning into the workspace",
        target: slug,
        reason: `${reason}; its agent was not started: "bot-bottle resume ${slug} --headless --prompt ..." tries again, "bot-bottle destroy ${slug}" gives it up`,
      })
}

/** Quotes any text as one word of a shell. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const envFile = (plan: BottlePlan, neckDirectory: string): Effect.Effect<string, InvalidInput> => {
  const ours: Record<string, string> = {
    BOT_BOTTLE_SLUG: plan.slug,
    BOT_BOTTLE_RUN: String(plan.run),
    ...(plan.prompt !== undefined && { BOT_BOTTLE_PROMPT_FILE: `${neckDirectory}/prompt` }),
    BOT_BOTTLE_NECK: NECK_URL,
    ...routeVariables(NECK_URL, plan.routes ?? []),
    HTTP_PROXY: NECK_URL,
    http_proxy: NECK_URL,
    HTTPS_PROXY: NECK_URL,
    https_proxy: NECK_URL,
    NO_PROXY: "127.0.0.1,localhost",
    no_proxy: "127.0.0.1,localhost",
    NODE_USE_ENV_PROXY: "1",
  }
  return Effect.forEach(Object.entries({ ...plan.env, ...ours }), ([name, value]) =>
    exportLine(name, value),
  ).pipe(Effect.map((lines) => [...lines, pathLine(neckDirectory), ""].join("\n")))
}

const exportLine = (name: string, value: string): Effect.Effect<string, InvalidInput> => {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return invalid("env", `"${name}" is not a valid variable name: letters, digits and _ only`)
  }
  if (value.includes("\0")) return invalid("env", `the value of ${name} has a zero byte`)
  return Effect.succeed(`export ${name}=${shellQuote(value)}`)
}

/** Our directory goes first in PATH, so that `forge` is the one that uses the neck. */
const pathLine = (neckDirectory: string) =>
  `export PATH=${shellQuote(`${neckDirectory}/bin`)}:"\${PATH:-/usr/local/bin:/usr/bin:/bin}"`

const argvFile = (argv: ReadonlyArray<string>): Effect.Effect<string, InvalidInput> => {
  if (argv.length === 0) return invalid("command", "it is empty")
  if (argv.some((word) => word.includes("\0"))) return invalid("command", "it has a zero byte")
  return Effect.succeed(`set -- ${argv.map(shellQuote).join(" ")}\n`)
}

/** The configuration of `bin/clone`. The neck's address is the same in every bottle; where it is not, git gets the other one (see loopback.ts). */
const workspaceFile = ({ git, ref = "", branch, author, forge }: PlanClone, rehydrated: boolean): string =>
  Object.entries({
    first: rehydrated ? "no" : "yes",
    repository: git,
    url: `${NECK_URL}/git/${git}.git`,
    ref,
    branch,
    name: author.name,
    email: author.email,
    forge: forge ? "yes" : "no",
  })
    .map(([name, value]) => `${name}=${shellQuote(value)}\n`)
    .join("")

/** A provider's file must stay inside the neck's directory and must not replace our own files. */
const insideFile = (file: RunFile): Effect.Effect<RunFile, InvalidInput> => {
  const parts = file.path.split("/")
  return file.path !== posix.normalize(file.path) ||
    file.path.includes("\0") ||
    parts.some((part) => part === "" || part === "." || part === "..") ||
    RESERVED.has(parts[0] ?? "")
    ? invalid("files", `"${file.path}" is not a path for a provider's file`)
    : Effect.succeed(file)
}

const invalid = (field: string, reason: string) => Effect.fail(new InvalidInput({ field, reason }))
