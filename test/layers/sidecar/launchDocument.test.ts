/** What a launch tells its sidecar of the place that it serves. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { Slug } from "../../../src/domain/Slug.ts"
import { boxPaths } from "../../../src/layers/host/box.ts"
import { homeAt } from "../../../src/layers/home/Home.ts"
import type { SidecarDocument } from "../../../src/sidecar/SidecarDocument.ts"
import { makeService } from "../../../src/layers/sidecar/SidecarService.ts"
import * as GiteaForges from "../../../src/layers/gitea/GiteaForges.ts"
import * as Machine from "../../../src/layers/sidecar/machine.ts"
import { Forges } from "../../../src/services/Forges.ts"
import { Secrets } from "../../../src/services/Secrets.ts"
import { tempDir } from "../../support/tempDir.ts"

const slug = Slug.make("door-abcde")
const config = { slug, push: [], routes: {}, egress: { allow: [] }, git: {}, loopback: false }

describe("a launch", () => {
  it.scopedLive("makes the directories first, and names the process that leads an agent of the host", () =>
    Effect.gen(function* () {
      const home = homeAt(yield* tempDir)
      const documents: Array<SidecarDocument> = []
      const start = (document: SidecarDocument) =>
        Effect.sync(() => {
          expect([home.of(slug).neck, document.stateDir].map(existsSync)).toEqual([true, true])
          documents.push(document)
        })
      const { launch } = makeService(home, { prepare: Effect.void, start }, yield* Forges, yield* Secrets)
      yield* launch(config)
      yield* launch({ ...config, loopback: true })
      expect(documents).toMatchObject([
        { made: true },
        { made: true, supervisor: boxPaths(home, slug).supervisor },
      ])
      expect(documents[0]).not.toHaveProperty("supervisor")
    }).pipe(Effect.provide([GiteaForges.layer, Machine.layer])),
  )
})
