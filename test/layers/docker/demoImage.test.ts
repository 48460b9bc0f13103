/** The image made of this machine's programs: it works, it is made once, and its user is not root. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ensureDemoImage, removeDemoImage } from "../../../src/layers/docker/demoImage.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { describeDocker, docker } from "../../support/docker.ts"

describeDocker("demo image", () => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.effect("has a shell and node, works without network as a user who is not root, and is made once", () =>
      Effect.gen(function* () {
        const image = yield* ensureDemoImage
        const began = Date.now()
        const again = yield* ensureDemoImage
        assert.strictEqual(again, image)
        assert.isBelow(Date.now() - began, 2000)
        const script = 'id -u; pwd; node -p "6*7"; touch mine /tmp/mine "$HOME/mine"'
        const said = docker("run", "--rm", "--network", "none", image, "sh", "-c", script)
        assert.deepStrictEqual(said.split("\n"), ["1000", "/workspace", "42"])
        assert.strictEqual(docker("image", "inspect", "--format", "{{.Config.User}}", image), "1000:1000")
        yield* removeDemoImage("bot-bottle/demo:no-such")
      }),
    )
  })
})
