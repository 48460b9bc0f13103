/** A stand-in for a sidecar: a server on a bottle's neck socket that answers every request, so that `bin/enter` goes on. */
import { Effect } from "effect"
import { chmodSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { dirname, join } from "node:path"
import { ensureRunDirectory } from "../../src/layers/bottle/runDirectory.ts"
import { Home } from "../../src/layers/home/Home.ts"
import type { HomeShape } from "../../src/layers/home/Home.ts"

/** Serves the neck of a slug until the scope closes. */
export const serveNeck = (home: HomeShape, slug: string) =>
  Effect.gen(function* () {
    const { neckSocket } = yield* Effect.provideService(ensureRunDirectory(slug), Home, home)
    // Where a backend without a network of its own looks.
    writeFileSync(join(dirname(neckSocket), "loopback"), "export BOT_BOTTLE_NECK=http://127.0.0.1:1/none\n")
    rmSync(neckSocket, { force: true })
    return yield* Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((_, response) => response.end("ok"))
        server.listen(neckSocket, () => {
          chmodSync(neckSocket, 0o666)
          resume(Effect.succeed(server))
        })
      }),
      (server) => Effect.sync(() => (server.closeAllConnections(), server.close())),
    )
  })
