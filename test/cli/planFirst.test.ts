/** Plan first, with the manifests of the guide: an agent that plans, is answered on its issue, and pushes after the approval. */
import { Effect } from "effect"
import { expect, it } from "vitest"
import { exampleOf } from "../support/documents.ts"
import { door, makeServed } from "../support/served.ts"

const far = { interval: 200 }

/** What stands for the model: it tries to push its work, plans while that is refused, and opens its pull request afterwards. */
const AGENT = `set -e
if [ "$BOT_BOTTLE_RUN" = 1 ]; then echo oiled >door.md; git commit -qam "Oil the hinge"; fi
if git push -q origin HEAD 2>/dev/null; then
  echo "Closes #17" | forge open-pr --title "The door closes" --head "$(git branch --show-current)"
  forge signal-done success "oiled it"
else
  echo "Plan $BOT_BOTTLE_RUN: oil the hinge." | forge post-comment 17
  forge signal-done blocked "the plan waits for an approval"
fi`

it("the agent of the guide plans, plans again when it is asked, and pushes when its plan is approved", async () => {
  const served = await makeServed({}, { files: { "door.md": "creaks\n" } })
  const { cli, forge } = served
  const agent = exampleOf("docs/guide.md", "Plan first", "markdown")
  const command = JSON.stringify(["sh", "-c", AGENT])
  cli.write(
    "agents/planner.md",
    agent.replace("provider: claude\n", `provider: command\ncommand: ${command}\n`),
  )
  cli.write("bottles/planned.yaml", exampleOf("docs/guide.md", "Plan first", "yaml"))
  cli.write("bottles/local.yaml", "backend: host\ngit: { app: { forge: true, private: true } }\n")
  const comments = () =>
    (forge.state.issue("ada", "cellar", 17)?.comments ?? []).map(({ body }) => body.trim())
  const say = (login: string, body: string) => Effect.runPromise(forge.as(login).comment(door, body))
  try {
    const service = await served.serve()
    for (const bottle of ["planned", "local"])
      await Effect.runPromise(forge.as("ada").label(door, `bot-bottle-bottle:${bottle}`))
    await served.target("planner")
    const frozen = (times: number) =>
      expect.poll(() => service.stderr().match(/#17: frozen$/gm)?.length, far).toBe(times)
    await frozen(1)
    expect(comments()).toEqual(["Plan 1: oil the hinge."])
    await say("eve", "/approve")
    await say("ada", "With which oil?")
    await frozen(2)
    await say("ada", "/approve")
    await frozen(3)
    expect(comments()).toEqual([
      "Plan 1: oil the hinge.",
      "/approve",
      "With which oil?",
      "Plan 2: oil the hinge.",
      "/approve",
    ])
    expect(forge.state.issue("ada", "cellar", 18)).toMatchObject({ title: "The door closes" })
    const plan = await cli.run(["start", "planner", "--bottle", "planned", "--dry-run"])
    expect([plan.code, plan.stderr]).toEqual([126, expect.stringContaining("pushAfter")])
  } finally {
    await served.stop()
  }
}, 400_000)
