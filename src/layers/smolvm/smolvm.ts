/**
 * smolvm's command line (github.com/smol-machines/smolvm): how to find the program, its features by version, and the meaning of its
 * errors.
 */
import { Effect, Option, Ref, Schedule } from "effect"
import type { Stream } from "effect"
import { BackendFailure, BackendUnavailable } from "../../domain/Errors.ts"
import type { BackendError } from "../../services/Backends.ts"
import type { ProcessError, ProcessResult } from "../../services/ProcessRunner.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"

/** How to reach smolvm. */
export interface SmolvmOptions {
  /** The program; `smolvm` in PATH unless given. */
  readonly program?: string
  /** Source of `SMOLVM_DATA_DIR` and similar variables; the process's environment unless given. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The KVM device; `/dev/kvm` unless given. */
  readonly kvm?: string
  /** The uid that runs smolvm; the process's unless given. */
  readonly uid?: number
}

/** Features that depend on the version. */
export interface Features {
  readonly version: string
  /** `machine exec --user` (about 1.17). */
  readonly execUser: boolean
  /** `pack create --include-workspace` (1.17): without it /workspace is lost at a freeze. */
  readonly packWorkspace: boolean
}

/** The program, called with arguments. */
export interface Smolvm {
  readonly program: string
  /** Its environment. `SMOLVM_MACHINE_NAME`, which newer versions use as `--name`, is never in it. */
  readonly env: Readonly<Record<string, string>>
  /** Where it stores its machines, from its environment. */
  readonly dataPlace: string
  /** Its features. Another program of that name, or an old version, is `BackendUnavailable`. */
  readonly features: Effect.Effect<Features, BackendUnavailable>
  /** A call with its exit code as a result. */
  readonly run: (
    call: SmolvmCall,
    args: ReadonlyArray<string>,
    options?: { readonly stdin?: Stream.Stream<Uint8Array, unknown>; readonly timeoutMs?: number },
  ) => Effect.Effect<ProcessResult, BackendError>
  /** A call that must succeed. Returns its stdout. */
  readonly succeed: (
    call: SmolvmCall,
    args: ReadonlyArray<string>,
    options?: { readonly stdin?: Stream.Stream<Uint8Array, unknown>; readonly timeoutMs?: number },
  ) => Effect.Effect<string, BackendError>
  /** The error for a failed call. */
  readonly refusal: (call: SmolvmCall, result: Pick<ProcessResult, "exitCode" | "stderr">) => BackendError
}

/** The purpose of a call, named in its errors. */
export interface SmolvmCall {
  readonly operation: string
  readonly target: string
}

const BACKEND = "smolvm"

/** The oldest supported version: names are flags, stdin of `exec -i` does not hang, sockets can be mounted. */
const FLOOR = [1, 9, 0] as const

/** Variables that smolvm itself reads: the paths of its files, defaults of its machines, and what it stores on disk. */
const ENVIRONMENT = [
  "SMOLVM_DATA_DIR",
  "SMOLVM_LIB_DIR",
  "SMOLVM_AGENT_ROOTFS",
  "SMOLVM_VM_UID_DROP",
  "SMOLVM_PACK_CACHE_MAX_BYTES",
  "SMOLVM_PACK_STAGING",
  "XDG_DATA_HOME",
  "XDG_CACHE_HOME",
  "XDG_CONFIG_HOME",
]

/** A pack of a large image takes minutes. */
const CALL_TIMEOUT_MS = 30 * 60_000
const PROBE_TIMEOUT_MS = 20_000

/** Whether the error means that there is no machine of that name. */
export const isMissing = (stderr: string): boolean =>
  /(vm not found: |(machine|VM) '[^']*' not found)/.test(errorLine(stderr))

/** Makes no call yet. */
export const makeSmolvm = Effect.fnUntraced(function* (options: SmolvmOptions) {
  const runner = yield* ProcessRunner
  const program = options.program ?? "smolvm"
  const given = options.env ?? process.env
  const env = Object.fromEntries(
    ENVIRONMENT.flatMap((name) => {
      const value = given[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )

  const notRun =
    (call: SmolvmCall) =>
    (error: ProcessError): BackendError =>
      error.reason === "not-found"
        ? unavailable(
            'no program "smolvm" in PATH: install smolvm from github.com/smol-machines/smolvm, or choose another backend with --backend',
          )
        : new BackendFailure({ backend: BACKEND, ...call, reason: error.message })

  const ask: Smolvm["run"] = (call, args, more = {}) =>
    Effect.mapError(
      runner.run({ command: program, args, env, timeoutMs: CALL_TIMEOUT_MS, ...more }),
      notRun(call),
    )

  const known = yield* Ref.make(Option.none<Features>())
  const features = Effect.flatMap(
    Ref.get(known),
    Option.match({
      onSome: Effect.succeed,
      onNone: () => Effect.tap(probe(ask), (found) => Ref.set(known, Option.some(found))),
    }),
  )

  const run: Smolvm["run"] = (call, args, more) =>
    Effect.zipRight(features, unlocked(call, args, ask(call, args, more))).pipe(
      Effect.filterOrFail(
        (result) => result.exitCode === 0 || troubleOf(result.stderr) === undefined,
        (result) => failureOf(call, result),
      ),
    )

  const smolvm: Smolvm = {
    program,
    env,
    dataPlace: env["SMOLVM_DATA_DIR"] ?? env["XDG_DATA_HOME"] ?? "",
    features,
    run,
    succeed: (call, args, more) =>
      Effect.flatMap(run(call, args, more), (result) =>
        result.exitCode === 0 ? Effect.succeed(result.stdout) : Effect.fail(failureOf(call, result)),
      ),
    refusal: failureOf,
  }
  return smolvm
})

/** About 30 s: with eight simultaneous calls the unluckiest one needs one or two retries. */
const LOCK_RETRY = Schedule.exponential("25 millis", 1.5).pipe(
  Schedule.union(Schedule.spaced("500 millis")),
  Schedule.jittered,
  Schedule.upTo("30 seconds"),
)

/**
 * smolvm reserves a name in a transaction that reads first, which SQLite refuses at once while another call writes. Nothing was done
 * then. Output of a program in a machine is not about smolvm's database.
 */
const unlocked = <R>(
  call: SmolvmCall,
  args: ReadonlyArray<string>,
  ask: Effect.Effect<ProcessResult, BackendError, R>,
) =>
  args[1] === "exec"
    ? ask
    : Effect.flatMap(ask, (result) =>
        result.exitCode !== 0 && /\bdatabase is locked\b/.test(errorLine(result.stderr))
          ? Effect.fail({ _tag: "Locked", result } as const)
          : Effect.succeed(result),
      ).pipe(
        Effect.retry({ schedule: LOCK_RETRY, while: ({ _tag }) => _tag === "Locked" }),
        Effect.catchTag("Locked", ({ result }) => Effect.fail(failureOf(call, result))),
      )

const unavailable = (reason: string) => new BackendUnavailable({ backend: BACKEND, reason })

/** smolvm's error message: its last line that begins with "Error: ", since a child's stderr is in the same stream. */
export const errorLine = (stderr: string): string => {
  const lines = stderr.split("\n").map((line) => line.trim())
  const error = lines.findLast((line) => /^error: /i.test(line))
  return error?.replace(/^error: /i, "") ?? lines.findLast((line) => line !== "") ?? "no reason given"
}

/** Why no machine can run here, from smolvm's output. */
const troubleOf = (stderr: string): string | undefined => {
  const said = errorLine(stderr)
  if (/Cannot access \/dev\/kvm|kvm permission denied/i.test(said)) {
    return "permission denied on /dev/kvm: add your user to the group kvm and log in again"
  }
  if (/kvm not available/i.test(said)) {
    return "this machine has no KVM: enable virtualisation (modprobe kvm), or choose another backend with --backend"
  }
  if (/agent rootfs not found/i.test(said))
    return `smolvm is not installed completely: ${said}; install it again`
  if (/com\.apple\.security\.hypervisor/i.test(said)) return `smolvm is not signed for this Mac: ${said}`
  return undefined
}

const failureOf: Smolvm["refusal"] = (call, { exitCode, stderr }) => {
  const trouble = troubleOf(stderr)
  if (trouble !== undefined) return unavailable(trouble)
  const said = errorLine(stderr)
  const reason = exitCode === 2 ? `this version of smolvm does not accept these arguments: ${said}` : said
  return new BackendFailure({ backend: BACKEND, ...call, reason })
}

const NEEDED: ReadonlyArray<readonly [ReadonlyArray<string>, ReadonlyArray<string>]> = [
  [["machine"], ["create", "start", "exec", "stop", "delete"]],
  [
    ["machine", "create"],
    ["--from", "--mount-socket", "--volume", "--label", "--init"],
  ],
  [
    ["pack", "create"],
    ["--image", "--from-vm"],
  ],
]

/** CelestoAI's SmolVM is another program with the same name. It prints its version differently. */
const probe = Effect.fn("Smolvm.probe")(function* (ask: Smolvm["run"]) {
  const call = { operation: "check", target: "smolvm" }
  const text = (args: ReadonlyArray<string>) =>
    ask(call, args, { timeoutMs: PROBE_TIMEOUT_MS }).pipe(
      Effect.catchTag("BackendFailure", ({ reason }) => Effect.fail(unavailable(reason))),
      Effect.map(({ exitCode, stdout }) => (exitCode === 0 ? stdout : "")),
    )
  const said = (yield* text(["--version"])).trim()
  const found = /^smolvm (\d+)\.(\d+)\.(\d+)(?:[-+ ].*)?$/.exec(said)
  if (found === null) return yield* unavailable(anotherProgram(said))
  const version = found.slice(1, 4).map(Number)
  if (isBelow(version, FLOOR)) {
    return yield* unavailable(
      `smolvm ${version.join(".")} is too old: ${FLOOR.join(".")} or later is needed; update it`,
    )
  }
  for (const [command, words] of NEEDED) {
    const help = yield* text([...command, "--help"])
    if (help === "") return yield* unavailable(anotherProgram(said))
    const lacking = words.filter((word) => !hasWord(help, word))
    if (lacking.length > 0) {
      return yield* unavailable(
        `smolvm ${version.join(".")} has no ${lacking.join(", ")} in "${command.join(" ")}": use a version that has`,
      )
    }
  }
  const features: Features = {
    version: version.join("."),
    execUser: hasWord(yield* text(["machine", "exec", "--help"]), "--user"),
    packWorkspace: hasWord(yield* text(["pack", "create", "--help"]), "--include-workspace"),
  }
  return features
})

const hasWord = (help: string, word: string): boolean => new RegExp(`(^|[\\s,])${word}(?![\\w-])`).test(help)

const isBelow = (version: ReadonlyArray<number>, floor: ReadonlyArray<number>): boolean => {
  const differs = floor.findIndex((part, n) => part !== version[n])
  return differs !== -1 && (version[differs] ?? 0) < (floor[differs] ?? 0)
}

const anotherProgram = (said: string): string =>
  `the program "smolvm" in PATH is not github.com/smol-machines/smolvm${said === "" ? "" : ` (it says "${said.split("\n")[0]?.slice(0, 60)}")`}: another tool has the same name; put the right one first in PATH`
