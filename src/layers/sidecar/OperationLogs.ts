/** OperationLogs over the state directories of a home. */
import { Effect, Layer } from "effect"
import type { Slug } from "../../domain/Slug.ts"
import { OperationLogs } from "../../services/OperationLogs.ts"
import { orElseOn, textOf } from "../../files/files.ts"
import { verifyChain } from "../../sidecar/record/OperationChain.ts"
import { verifyFile } from "../../sidecar/record/verifyFile.ts"
import { Home, type HomeShape } from "../home/Home.ts"
import { fileFailed } from "./fileFailed.ts"

const make = (home: HomeShape): typeof OperationLogs.Service => ({
  verifyLog: Effect.fn("OperationLogs.verifyLog")((slug: Slug) =>
    verifyFile(home.of(slug).operations).pipe(
      orElseOn("ENOENT", verifyChain([])),
      fileFailed(slug, "reading its operation log"),
    ),
  ),
  log: Effect.fn("OperationLogs.log")((slug: Slug) =>
    textOf(home.of(slug).operations).pipe(
      Effect.map((text) => text.split("\n").filter((line) => line !== "")),
      fileFailed(slug, "reading its operation log"),
    ),
  ),
})

/** The operation logs of a home's bottles. */
export const layer: Layer.Layer<OperationLogs> = Layer.effect(OperationLogs, Effect.map(Home, make))
