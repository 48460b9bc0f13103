/** Requests over the state directories of a home. */
import { Effect, Layer, Schema } from "effect"
import { join } from "node:path"
import type { BottleRequest, RequestDecision } from "../../domain/AgentRequest.ts"
import type { SidecarError } from "../../domain/Errors.ts"
import { Slug } from "../../domain/Slug.ts"
import { namesIn } from "../../files/files.ts"
import { Requests } from "../../services/Requests.ts"
import * as RequestFiles from "../../sidecar/record/RequestFiles.ts"
import { Home, type HomeShape } from "../home/Home.ts"
import { fileFailed } from "./fileFailed.ts"

/** How many bottles are read at once. */
const AT_ONCE = 8

const make = (home: HomeShape): typeof Requests.Service => {
  const directoryOf = (slug: Slug) => join(home.of(slug).state, RequestFiles.REQUESTS_FOLDER)
  /** Of this slug only: a file that was copied from elsewhere decides nothing. */
  const ofBottle = (slug: Slug) =>
    Effect.map(RequestFiles.reader(directoryOf(slug)).all, (all) =>
      all.filter((request) => request.slug === slug),
    )
  return {
    all: Effect.fn("Requests.all")(function* (
      slug?: Slug,
    ): Effect.fn.Return<ReadonlyArray<BottleRequest>, SidecarError> {
      if (slug !== undefined) return yield* fileFailed(slug, "reading its requests")(ofBottle(slug))
      const names = yield* namesIn(home.states).pipe(fileFailed("*", "reading requests"))
      const found = yield* Effect.forEach(names.filter(Schema.is(Slug)), ofBottle, {
        concurrency: AT_ONCE,
      }).pipe(fileFailed("*", "reading requests"))
      return found.flat().sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    }),
    decide: Effect.fn("Requests.decide")((slug: Slug, decision: RequestDecision) =>
      fileFailed(slug, "storing a decision")(RequestFiles.decide(directoryOf(slug), decision)),
    ),
  }
}

/** The requests of a home's bottles. */
export const layer: Layer.Layer<Requests> = Layer.effect(Requests, Effect.map(Home, make))
