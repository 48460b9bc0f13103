/** makeProver: lets a bottle's agent run probes, and judges them by the agent's output and by what was seen outside. */
import { Context, Effect, Either, Encoding, Logger, LogLevel, Option, Redacted, Schema, Stream } from "effect"
import type { RunFile } from "../domain/Bottle.ts"
import { LaunchRefused } from "../domain/Errors.ts"
import type { AgentManifest, BottleManifest } from "../domain/Manifest.ts"
import type { Outside, Probe, ProbeClass } from "../domain/probes/Probe.ts"
import { judgeAll, stepsOf } from "../domain/probes/Probe.ts"
import { joined } from "../domain/probeMachine/ProbeBytes.ts"
import { encodeSteps, machine, readOutcomes } from "../domain/probeMachine/ProbeMachine.ts"
import { DEFAULT_WORKDIR } from "../domain/Plan.ts"
import { APPROVED_HOST } from "../domain/probes/ProbesOfApprovals.ts"
import { probesOf } from "../domain/probes/Probes.ts"
import type { SecretMatcher } from "../domain/SecretMatch.ts"
import { secretMatcher } from "../domain/SecretMatch.ts"
import type { Slug } from "../domain/Slug.ts"
import { NECK_PROBE_LIMITS, PROBE_LIMITS } from "../domain/Verification.ts"
import type { Backend } from "../services/Backends.ts"
import { Manifests } from "../services/Manifests.ts"
import type { AgentInvocation } from "../services/Providers.ts"
import { Providers } from "../services/Providers.ts"
import type { Ground } from "../services/ProvingGround.ts"
import { Requests } from "../services/Requests.ts"
import { OperationLogs } from "../services/OperationLogs.ts"
import type { ForgeEnv } from "../services/ForgeEnv.ts"
import { nowIso } from "./clock.ts"
import { awaitExit } from "./awaitExit.ts"

/** What a prover needs. */
export interface ProverInput {
  readonly backend: Backend
  readonly ground: Ground
  readonly manifest: BottleManifest
  readonly classes?: ReadonlyArray<ProbeClass>
}

/** Chooses the probes that an agent runs, and judges them. */
export interface Prover {
  readonly backend: Backend
  readonly forgeEnv: ForgeEnv
  readonly prompt: string
  /** Prepares the probes of a round. The next launch inside `within` runs them. */
  readonly aim: (slug: Slug, round: number) => void
  /** Runs a program with the probes' manifest and agent. */
  readonly within: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E, Exclude<R, Manifests | Providers>>
  /** Waits for the agent to end, and judges. */
  readonly judge: (slug: Slug) => ReturnType<typeof judgeRound>
}

/** Below `/run/bottle`. */
const MACHINE = "verify/machine"
const PROGRAM = "verify/program"

const AGENT: AgentManifest = {
  name: "verify",
  provider: "command",
  bottle: Option.some("verify"),
  model: Option.none(),
  description: Option.none(),
  command: Option.some(["verify"]),
  systemPrompt: "",
}

/** Limits of the probes' own bottle; the output of the probes must be complete. */
const OUTER_LIMITS = { ...NECK_PROBE_LIMITS, outputBytes: 64 * 1024 ** 2 }

/** Folders of a bottle that a run may write to or keep files in, in addition to its workspace. */
const SEARCHED = ["/tmp", "/var/tmp", "/home", "/root", "/etc", "/run"]

/** Makes a prover. Fails on a processor that has no probe machine. */
export const makeProver = Effect.fn("makeProver")(function* (input: ProverInput) {
  const { backend, ground, manifest } = input
  const { arch } = ground.of("any")
  if (arch !== "x64" && arch !== "arm64") {
    return yield* new LaunchRefused({ reason: `there are no probes for a ${String(arch)} processor` })
  }
  const aimed: { probes: ReadonlyArray<Probe>; logged: number } = { probes: [], logged: 0 }
  const invoke = (): AgentInvocation => ({
    argv: ["/bin/sh", "-c", `exec /run/bottle/${MACHINE} </run/bottle/${PROGRAM}`],
    env: {},
    prompt: PROMPT,
    files: [
      { ...binary(MACHINE, machine(arch)), mode: 0o755 },
      binary(PROGRAM, encodeSteps(arch, stepsOf(aimed.probes))),
    ],
  })
  const provider = { headless: invoke, resume: invoke, interactive: invoke, resumeInteractive: invoke }
  const outer = yield* Manifests
  const manifests = Manifests.of({
    ...outer,
    agent: () => Effect.succeed(AGENT),
    digests: () => Effect.succeed([]),
    bottle: () => Effect.succeed({ ...manifest, limits: { ...manifest.limits, ...OUTER_LIMITS } }),
  })
  const shown = Context.make(Manifests, manifests).pipe(
    Context.add(Providers, Providers.of({ get: () => Effect.succeed(provider) })),
  )
  const matcher = secretMatcher(ground.secrets.map((secret) => Redacted.value(secret)))
  const prover: Prover = {
    backend,
    forgeEnv: ground.forgeEnv,
    prompt: PROMPT,
    aim: (slug, round) => {
      const asRoot = /^(0|root)(:|$)/.test(String(manifest.user ?? ""))
      aimed.probes = probesOf(
        { ...ground.of(slug), round, limits: PROBE_LIMITS(manifest), asRoot },
        input.classes,
      )
    },
    within: (effect) => Effect.provide(effect, shown),
    judge: (slug) => Effect.provideService(judgeRound(input, slug, aimed, matcher), Manifests, manifests),
  }
  return prover
})

const binary = (path: string, bytes: Uint8Array): RunFile => ({
  path,
  content: Encoding.encodeBase64(bytes),
  base64: true,
})

const PROMPT = "Try every way out of this bottle."

const judgeRound = Effect.fn("verify.judge")(function* (
  { backend, ground, manifest }: ProverInput,
  slug: Slug,
  aimed: { probes: ReadonlyArray<Probe>; logged: number },
  matcher: SecretMatcher,
) {
  const logs = yield* OperationLogs
  const written: Array<Uint8Array> = []
  const errors: Array<Uint8Array> = []
  // Refusals at the neck are expected here, so they are not logged.
  const quietly = Logger.withMinimumLogLevel(LogLevel.Error)
  const ended = yield* Effect.either(
    awaitExit(slug, {
      forgeEnv: ground.forgeEnv,
      observe: (event) =>
        Effect.sync(() => {
          if (event._tag === "Output") (event.stream === "stdout" ? written : errors).push(event.bytes)
        }),
    }).pipe(Effect.raceFirst(approve(slug)), quietly),
  )
  const output = joined(written)
  const { outcomes } = readOutcomes(stepsOf(aimed.probes), output)
  // An agent that did not start says nothing about the bottle.
  if (Either.isLeft(ended) && outcomes.length === 0) return yield* ended.left
  const lines = yield* logs.log(slug)
  const logged = lines.slice(aimed.logged).flatMap((line) => Option.toArray(entryOf(line)))
  aimed.logged = lines.length
  const holdsSecret = (bytes: Uint8Array) => matcher().push(bytes).length > 0
  const outside: Outside = {
    ...(yield* ground.seen),
    logged,
    chain: (yield* logs.verifyLog(slug)).ok,
    holdsSecret,
    leaked: {
      output: holdsSecret(output) || holdsSecret(joined(errors)),
      files: yield* searchFiles(backend, slug, [manifest.workdir ?? DEFAULT_WORKDIR, ...SEARCHED], matcher),
    },
  }
  return judgeAll(aimed.probes, outcomes, outside)
})

/** How often the person of a verification looks for requests. */
const APPROVE_INTERVAL = "100 millis"

/** The person of a verification: approves one host, and nothing else. Never returns. */
const approve = Effect.fn("verify.approve")(function* (slug: Slug) {
  const requests = yield* Requests
  const decide = Effect.gen(function* () {
    const at = yield* nowIso
    for (const { id, detail, decision } of yield* requests.all(slug)) {
      if (decision !== undefined || detail.kind !== "egress" || detail.host !== APPROVED_HOST) continue
      yield* requests.decide(slug, { version: 1, id, verdict: "approved", by: "verify", at, scope: "run" })
    }
  })
  return yield* Effect.forever(Effect.zipRight(Effect.ignoreLogged(decide), Effect.sleep(APPROVE_INTERVAL)))
})

const Entry = Schema.decodeUnknownOption(
  Schema.parseJson(
    Schema.Struct({
      op: Schema.String,
      target: Schema.String,
      outcome: Schema.String,
    }),
  ),
)

const entryOf = (line: string): Option.Option<string> =>
  Option.map(Entry(line), ({ op, target, outcome }) => `${op} ${target} ${outcome}`)

/** Whether a secret is in these folders of a bottle; none when none of them could be read. */
const searchFiles = Effect.fn("verify.files")(function* (
  backend: Backend,
  slug: Slug,
  folders: ReadonlyArray<string>,
  matcher: SecretMatcher,
) {
  const found = yield* Effect.forEach(folders, (path) => {
    const search = matcher()
    return backend.copyOut(slug, { path, artifact: Option.none() }).pipe(
      Stream.runFold(false, (hit, bytes) => search.push(bytes).length > 0 || hit),
      Effect.option,
    )
  })
  const read = found.flatMap(Option.toArray)
  return read.length === 0 ? undefined : read.some((hit) => hit)
})
