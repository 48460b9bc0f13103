/**
 * SmolvmBackend runs bottles as microVMs through smolvm's command line. Its tests use a stand-in that is checked against a recording of
 * smolvm 1.9.2.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { existsSync, readdirSync, rmSync } from "node:fs"
import { totalmem } from "node:os"
import { join } from "node:path"
import type { BackendUnavailable } from "../../domain/Errors.ts"
import { FreezeFailed } from "../../domain/Errors.ts"
import { Slug } from "../../domain/Slug.ts"
import { once } from "../../services/once.ts"
import type { Backend, BackendBottle, BackendError } from "../../services/Backends.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { writtenSince } from "../bottle/outputTimes.ts"
import { removeRunDirectory } from "../bottle/runDirectory.ts"
import { NECK_URL } from "../../domain/Neck.ts"
import type { HomeShape } from "../home/Home.ts"
import { Home } from "../home/Home.ts"
import { installationId } from "../home/installation.ts"
import { folderOfMachine } from "../home/machine.ts"
import type { Control } from "../supervisor/control.ts"
import { endingOf, controlOf, failure, lookAt, onFiles, readRecord, slugsOf } from "../supervisor/control.ts"
import { followOutput, harvest, keepOutput, keptOf, written } from "../supervisor/output.ts"
import { killSession } from "../supervisor/session.ts"
import type { Smol } from "./create.ts"
import { accepts, createBottle, ensurePack, machineOf } from "./create.ts"
import { deleteMachine, LABEL, machineName, stopMachine } from "./machine.ts"
import { freezeMachine, listPacks, removePacks } from "./packs.ts"
import type { Machine } from "./run.ts"
import { attachRun, inspectRun, settled, startRun, stopRun, waitForRun } from "./run.ts"
import type { SmolvmCall, SmolvmOptions } from "./smolvm.ts"
import { makeSmolvm } from "./smolvm.ts"
import { troublesOfHost } from "./troubles.ts"
import { copyOut, shellIn } from "./tools.ts"

export type { SmolvmOptions } from "./smolvm.ts"

const DEFAULT_MEMORY_MAX = 8 * 1024 ** 3

/** A smolvm backend. smolvm is not called before the first method. */
export const makeWith = Effect.fn("SmolvmBackend.make")(function* (options: SmolvmOptions) {
  const home = yield* Home
  const runner = yield* ProcessRunner
  const smolvm = yield* makeSmolvm(options)
  const ready = yield* once(
    installationId(home).pipe(
      Effect.mapError((cause) =>
        failure({ backend: "smolvm", slug: home.installation }, "read", cause.reason),
      ),
      Effect.map((installation): Smol => ({ smolvm, home, installation })),
    ),
  )
  const using = <A, E>(use: (smol: Smol) => Effect.Effect<A, E, ProcessRunner>) =>
    Effect.provideService(Effect.flatMap(ready, use), ProcessRunner, runner)
  const on = <A, E>(slug: Slug, use: (machine: Machine) => Effect.Effect<A, E, ProcessRunner>) =>
    using((smol) => use(machineOf(smol, slug)))

  const backend: Backend = {
    name: "smolvm",
    warning: Option.none(),
    neck: Option.some(NECK_URL),
    needsLoopback: false,
    defaultMemoryBytes: Math.min(Math.floor(totalmem() / 2), DEFAULT_MEMORY_MAX),
    check: Effect.map(smolvm.features, ({ version }) =>
      [`smolvm ${version}`, ...troublesOfHost({ ...options, home })].join("; "),
    ),
    engine: onFiles({ backend: "smolvm", slug: "engine" }, "inspect", () =>
      [folderOfMachine(home.root), smolvm.dataPlace].join(" "),
    ),
    accepts,
    ensureImage: (plan) => using((smol) => ensurePack(smol, plan)),
    create: (plan) => using((smol) => createBottle(smol, plan)),
    start: (slug) => on(slug, startRun),
    inspect: (slug) => on(slug, inspectRun),
    ending: (slug) => on(slug, ({ control }) => endingOf(control)),
    output: (slug, run) => outputOf(home, slug, run),
    logs: (slug, run, follow, since) => logsOf(home, slug, run, follow, since),
    wait: (slug) => on(slug, waitForRun),
    stop: (slug) => on(slug, stopRun),
    attach: (slug) => on(slug, attachRun),
    shell: (slug) => on(slug, shellIn),
    copyOut: (slug, source) =>
      Stream.unwrap(
        Effect.map(ready, (smol) =>
          Stream.provideService(copyOut(machineOf(smol, slug), source), ProcessRunner, runner),
        ),
      ),
    freeze: (slug, run) => on(slug, (machine) => freezeBottle(machine, run)),
    remove: (slug) => using((smol) => removeBottle(smol, slug)),
    removeArtifacts: (slug, kept) => removePacks(controlOf("smolvm", home, slug), kept),
    destroy: (slug) => using((smol) => destroyBottle(smol, slug)),
    list: using(listBottles),
    artifacts: listPacks(home),
  }
  return backend
})

/** The smolvm of this machine. */
export const make: Effect.Effect<Backend, BackendUnavailable, ProcessRunner> = makeWith({})

const ofRun = (control: Control, run: number) =>
  Effect.map(
    readRecord(control),
    Option.exists((record) => record.run === run),
  )

const outputOf = (home: HomeShape, slug: Slug, run: number) => {
  const control = controlOf("smolvm", home, slug)
  return Stream.unwrap(
    Effect.map(ofRun(control, run), (here) =>
      here ? keepOutput(control, run)(followOutput(control)) : Stream.empty,
    ),
  )
}

const logsOf = (
  home: HomeShape,
  slug: Slug,
  run: number,
  follow: boolean,
  since?: number,
): Stream.Stream<Uint8Array, BackendError> => {
  const control = controlOf("smolvm", home, slug)
  return Stream.unwrap(
    Effect.gen(function* () {
      if (existsSync(control.output(run))) return keptOf(control, run, since)
      if (!(yield* ofRun(control, run))) return Stream.empty
      return writtenSince(since)(follow ? followOutput(control) : written(control))
    }),
  )
}

const freezeBottle = Effect.fn("Backend.freeze")(function* (machine: Machine, run: number) {
  const { smolvm, control, name } = machine
  const { slug } = control
  const bottle = yield* lookAt(control)
  if (!Option.exists(bottle, ({ state }) => state === "exited")) {
    const state = Option.match(bottle, { onNone: () => "unknown", onSome: (found) => found.state })
    return yield* new FreezeFailed({
      slug,
      reason: `it is ${state}, and only a bottle that has run is frozen`,
    })
  }
  yield* settled(machine)
  yield* stopMachine(smolvm, { operation: "freeze", target: slug }, name)
  return yield* freezeMachine(smolvm, control, name, run)
})

const removeBottle = Effect.fn("Backend.remove")(function* (smol: Smol, slug: Slug) {
  const machine = machineOf(smol, slug)
  const { control, name } = machine
  const record = yield* readRecord(control)
  const bottle = yield* lookAt(control)
  if (Option.exists(bottle, ({ state }) => state === "exited")) yield* settled(machine)
  yield* killSession(control)
  if (Option.isSome(record) && Option.exists(bottle, ({ state }) => state === "exited")) {
    yield* harvest(control, record.value.run)
  }
  yield* deleteMachine(smol.smolvm, { operation: "remove", target: slug }, name)
  yield* onFiles(control, "remove", () => rmSync(control.control, { recursive: true, force: true }))
  yield* Effect.provideService(removeRunDirectory(slug), Home, smol.home)
})

const destroyBottle = Effect.fn("Backend.destroy")(function* (smol: Smol, slug: Slug) {
  const { control, name } = machineOf(smol, slug)
  yield* killSession(control)
  yield* deleteMachine(smol.smolvm, { operation: "destroy", target: slug }, name)
  yield* onFiles(control, "destroy", () => {
    rmSync(control.root, { recursive: true, force: true })
    const names = existsSync(control.state) ? readdirSync(control.state) : []
    for (const file of names.filter((found) => /^output-\d+\.log(\..*)?$/.test(found))) {
      rmSync(join(control.state, file), { force: true })
    }
  })
  yield* Effect.provideService(removeRunDirectory(slug), Home, smol.home)
})

const MachinesJson = Schema.parseJson(
  Schema.Array(
    Schema.Struct({
      name: Schema.String,
      labels: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), {
        nullable: true,
        default: () => ({}),
      }),
    }),
  ),
)

/** Bottles with a record, and our machines whose record is gone or was never written. */
const listBottles = Effect.fn("Backend.list")(function* (smol: Smol) {
  const { smolvm, home, installation } = smol
  const call: SmolvmCall = { operation: "list", target: "machines" }
  const said = yield* smolvm.succeed(call, ["machine", "ls", "--json"])
  const machines = yield* Effect.mapError(Schema.decode(MachinesJson)(said), () =>
    failure({ backend: "smolvm", slug: "machines" }, "list", "smolvm described them in an unknown form"),
  )
  const labelled = machines.flatMap(({ name, labels }): ReadonlyArray<Slug> => {
    const slug = labels[LABEL.slug]
    const ours = labels[LABEL.installation] === installation && Schema.is(Slug)(slug)
    return ours && name === machineName(installation, slug) ? [slug] : []
  })
  const slugs = [...new Set([...slugsOf("smolvm", home), ...labelled])]
  const found = yield* Effect.forEach(slugs, (slug) =>
    Effect.map(
      inspectRun(machineOf(smol, slug)),
      Option.orElse(() =>
        labelled.includes(slug) ? Option.some<BackendBottle>({ slug, state: "created" }) : Option.none(),
      ),
    ),
  )
  return found.flatMap(Option.toArray)
})
