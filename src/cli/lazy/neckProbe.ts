/** The neck probe: a real bottle whose agent looks for a network, makes a call through its neck, and reports the result. */
import * as FileSystem from "@effect/platform/FileSystem"
import { Effect } from "effect"
import { ensureDemoImage } from "../../layers/docker/demoImage.ts"
import { Home, homeAt } from "../../layers/home/Home.ts"
import { layer } from "../../layers/live.ts"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import { destroy } from "../../programs/destroy.ts"
import type { RunEvent } from "../../programs/options.ts"
import { startHeadless } from "../../programs/startHeadless.ts"

/** Without a forge the neck returns an error to every forge call. The probe expects exactly that error. */
const SCRIPT = `[ "$(ls /sys/class/net 2>/dev/null || echo lo)" = lo ] || { echo "it has a network"; exit 10; }
said=$(forge read-issue 1 2>&1)
case $said in *"no forge"*) exit 0 ;; esac
echo "the neck answered: $said"; exit 11`

/** Runs the probe on docker, with sockets where the operator's own bottles have them. Removes everything of the bottle. */
export const neckProbe = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { runRoot } = yield* Home
  const root = yield* fs.makeTempDirectoryScoped({ prefix: "bot-bottle-doctor-" })
  const image = yield* Effect.provide(ensureDemoImage, NodeProcessRunner.layer)
  yield* fs.makeDirectory(`${root}/agents`)
  yield* fs.makeDirectory(`${root}/bottles`)
  yield* fs.writeFileString(
    `${root}/bottles/doctor.yaml`,
    `image: ${image}\nlimits: { timeout: 60 seconds }\n`,
  )
  const command = JSON.stringify(["sh", "-c", SCRIPT])
  yield* fs.writeFileString(
    `${root}/agents/doctor.md`,
    `---\nprovider: command\nbottle: doctor\ncommand: ${command}\n---\n`,
  )
  const seen = { slug: "", text: "" }
  const observe = (event: RunEvent) =>
    Effect.sync(() => {
      if (event._tag === "Slug") seen.slug = event.slug
      if (event._tag === "Output") seen.text += Buffer.from(event.bytes).toString("utf8")
    })
  yield* startHeadless("doctor", { prompt: "Look", backend: "docker", cwd: root, observe }).pipe(
    Effect.catchTag("AgentExited", (error) => Effect.fail({ message: seen.text.trim() || error.message })),
    Effect.ensuring(
      Effect.suspend(() => (seen.slug === "" ? Effect.void : Effect.ignore(destroy(seen.slug)))),
    ),
    Effect.provide(layer),
    Effect.provideService(Home, homeAt(root, runRoot)),
  )
  return "a bottle reached its neck, and had no network"
}).pipe(Effect.scoped)
