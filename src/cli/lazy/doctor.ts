/** The checks of `doctor` on this machine: every backend, the home, the forge in FORGE_* variables, and a real bottle. */
import { Config, Effect, Option } from "effect"
import { DEFAULT_FORGE_ORG } from "../../domain/Assignment.ts"
import * as GiteaForges from "../../layers/gitea/GiteaForges.ts"
import { diskUsage } from "../../layers/home/diskUsage.ts"
import { Home } from "../../layers/home/Home.ts"
import { homePermissions, socketPathLength } from "../../layers/home/inspectHome.ts"
import { lookups } from "../../layers/live.ts"
import * as SqliteBottleStore from "../../layers/sqlite/SqliteBottleStore.ts"
import { doctor, forgeChecks } from "../../programs/doctor.ts"
import type { DoctorCheck } from "../../programs/doctor.ts"
import { Backends } from "../../services/Backends.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { Forges } from "../../services/Forges.ts"
import { neckProbe } from "./neckProbe.ts"
import { retentionWords } from "./retention.ts"
import { orchestratorChecks } from "./orchestratorChecks.ts"

/** Any of these variables enables the forge checks. */
const FORGE_VARIABLES = [
  "FORGE_GITEA_API",
  "FORGE_GITEA_TOKEN",
  "FORGE_GITEA_TOKEN_FILE",
  "FORGE_OWNER",
  "FORGE_REPO",
]

const forge: Effect.Effect<ReadonlyArray<DoctorCheck>> = Effect.gen(function* () {
  const set = yield* Effect.exists(FORGE_VARIABLES, (name) =>
    Effect.map(
      Effect.orElseSucceed(Config.option(Config.string(name)), () => Option.some("")),
      Option.isSome,
    ),
  )
  if (!set) {
    const ask = Effect.fail({ message: "not configured" })
    return [{ subject: "forge", needed: false, todo: "set FORGE_* to check it", ask }]
  }
  const forges = yield* Forges
  const { target, trust } = yield* forges.variables.target
  return forgeChecks(yield* forges.of(target, trust), trust.org ?? DEFAULT_FORGE_ORG)
}).pipe(
  Effect.provide(GiteaForges.layer),
  Effect.catchAll((error) =>
    Effect.succeed([{ subject: "forge", needed: true, todo: "", ask: Effect.fail(error) }]),
  ),
)

const database = BottleStore.pipe(
  Effect.flatMap((store) => store.all),
  Effect.map((rows) => `${rows.length} ${rows.length === 1 ? "bottle" : "bottles"}`),
  Effect.provide(SqliteBottleStore.layer()),
)

/** Runs all checks. */
export const examine = Effect.gen(function* () {
  const home = yield* Home
  const docker = yield* (yield* Backends).get("docker").pipe(
    Effect.flatMap((backend) => backend.check),
    Effect.isSuccess,
  )
  return yield* doctor([
    { subject: "home", needed: true, todo: "", ask: homePermissions(home) },
    { subject: "disk usage", needed: false, todo: "", ask: diskUsage(home) },
    { subject: "retention", needed: false, todo: "", ask: retentionWords },
    { subject: "socket path", needed: true, todo: "", ask: socketPathLength(home) },
    { subject: "state database", needed: true, todo: "", ask: database },
    ...(yield* forge),
    ...(yield* orchestratorChecks),
    {
      subject: "neck",
      needed: docker,
      todo: docker
        ? "the bottle could not be run, or did not reach its neck"
        : "start a docker engine to test it",
      ask: docker ? neckProbe : Effect.fail({ message: "not tried: no docker engine answers" }),
    },
  ])
}).pipe(Effect.provide(lookups))
