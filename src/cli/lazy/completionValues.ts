/** Values of completions that only this machine knows. An absent home or database has none, and none is made. */
import * as FileSystem from "@effect/platform/FileSystem"
import { type Cause, Effect } from "effect"
import { requestText } from "../../domain/AgentRequest.ts"
import { issueName } from "../../domain/ForgeState.ts"
import { Home } from "../../layers/home/Home.ts"
import { lookups } from "../../layers/live.ts"
import * as Requests from "../../layers/sidecar/Requests.ts"
import * as SqliteBottleStore from "../../layers/sqlite/SqliteBottleStore.ts"
import { listRequests } from "../../programs/listRequests.ts"
import { serviceStatus } from "../../programs/serviceStatus.ts"
import { Backends } from "../../services/Backends.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { Manifests } from "../../services/Manifests.ts"
import type { Asked, Offer } from "../line/complete.ts"
import { stores } from "./status.ts"

/** The values of a kind, with their descriptions. None where they cannot be read in time: a completion has no errors. */
export const completionValues = (
  kind: Asked,
): Effect.Effect<ReadonlyArray<Offer>, never, FileSystem.FileSystem> =>
  SOURCES[kind].pipe(
    Effect.timeout(TIMEOUT),
    Effect.catchAllCause((cause: Cause.Cause<unknown>) => Effect.as(Effect.logDebug(cause), [])),
    Effect.map((offers) => offers.filter(([word]) => PLAIN.test(word))),
  )

/** Another process may hold the database for longer. */
const TIMEOUT = "2 seconds"

/** Words that every shell takes as they are: some insert a completion without quoting it. */
const PLAIN = /^[\w.@+/][\w.@+/#-]*$/

const manifests = (kind: "agents" | "bottles") =>
  Effect.flatMap(Manifests, (manifests) => manifests.list()).pipe(
    Effect.map((found) => found[kind].map(({ name, description }): Offer => [name, description])),
    Effect.provide(lookups),
  )

/** Opening the database would make it. */
const ifStored = <E, R>(read: Effect.Effect<ReadonlyArray<Offer>, E, R>) =>
  Effect.gen(function* () {
    const { database } = yield* Home
    const fs = yield* FileSystem.FileSystem
    return (yield* fs.exists(database)) ? yield* read : []
  })

const SOURCES: Readonly<Record<Asked, Effect.Effect<ReadonlyArray<Offer>, unknown, FileSystem.FileSystem>>> =
  {
    agents: manifests("agents"),
    bottles: manifests("bottles"),
    backends: Effect.provide(
      Effect.map(Backends, ({ names }) => names.map((name): Offer => [name, ""])),
      lookups,
    ),
    slugs: ifStored(
      Effect.flatMap(BottleStore, (store) => store.all).pipe(
        Effect.map((rows) =>
          rows.map(({ slug, spec }): Offer => [slug, `${spec.label}: ${spec.agent} on ${spec.backend}`]),
        ),
        Effect.provide(SqliteBottleStore.layer()),
      ),
    ),
    requests: ifStored(
      listRequests().pipe(
        Effect.map((all) =>
          all.map((request): Offer => [request.id, `${request.slug}: ${requestText(request)}`]),
        ),
        Effect.provide(Requests.layer),
      ),
    ),
    issues: ifStored(
      serviceStatus({ all: true }).pipe(
        Effect.map(({ issues }) => issues.map((issue): Offer => [issueName(issue), ""])),
        Effect.provide(stores),
      ),
    ),
  }
