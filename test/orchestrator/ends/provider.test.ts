/** A model provider that refuses the last call of a run, from its answer to the resume: a real sidecar, a real engine. */
import { beforeAll, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { vi } from "vitest"
import { shellAgent } from "../../support/cli.ts"
import { describeDocker } from "../../support/docker.ts"
import { demoImageForTests } from "../../support/images.ts"
import { servedHome } from "../../support/servedHome.ts"
import { upstream } from "../../support/upstream.ts"

vi.setConfig({ testTimeout: 180_000 })

/** Asks its model once; it is done when it has an answer. */
const ASKS_ONCE = `
  node -e 'fetch("http://127.0.0.1:7317/route/anthropic/v1/messages", { method: "POST", body: "{}" })
    .then(({ status }) => process.exit(status === 200 ? 0 : 1))' || exit 1
  forge signal-done success fine`

describeDocker("an agent whose provider refuses its call", () => {
  let image = ""
  beforeAll(async () => {
    image = await demoImageForTests()
  })

  it.scopedLive("is frozen until the provider may be asked again, and goes on then", () =>
    Effect.gen(function* () {
      const calls: Array<number> = []
      const provider = yield* upstream((request, response) => {
        calls.push(Date.now())
        const status = calls.length === 1 ? 429 : 200
        request
          .resume()
          .on("end", () =>
            response.writeHead(status, status === 429 ? { "retry-after": "25" } : {}).end("{}"),
          )
      })
      const home = yield* servedHome({
        env: {},
        manifests: {
          secret: "sk-0123456789abcdef",
          "agents/worker.md": shellAgent(ASKS_ONCE),
        },
        bottle: (root) =>
          `image: ${image}\nroutes:\n  anthropic: { upstream: "${provider.url}", private: true, header: x-api-key, secret: { file: ${root}/secret } }\n`,
      })
      const { engine } = yield* home.serve
      yield* home.labels
      yield* engine.hint(home.hint("label"))
      const { state } = yield* home.until(({ state }) => state?.frozen?.run === 1)
      expect(state?.frozen).toMatchObject({ cause: "provider", run: 1 })
      yield* home.until(({ state }) => state?.frozen?.run === 2)
      expect(yield* home.operations).toEqual(["Launch", "Freeze provider", "Resume provider", "Freeze done"])
      const [first = 0, second = 0, ...more] = calls
      expect(more).toEqual([])
      expect(second - first).toBeGreaterThanOrEqual(25_000)
    }),
  )
})
