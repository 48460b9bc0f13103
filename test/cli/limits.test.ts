/** Limits and unsent notices in `orchestrate status`, across ends, kills and new starts of the service. */
import { Effect } from "effect"
import { expect, it } from "vitest"
import { shellAgent } from "../support/cli.ts"
import { door, makeServed } from "../support/served.ts"

const far = { interval: 500 }

interface Limit {
  readonly of: string
  readonly name: string
  readonly what: string
  readonly limit: number
  readonly used: number
  readonly left: number
  readonly until: string | null
}

interface Status {
  readonly service: { readonly isServing: boolean }
  readonly limits: ReadonlyArray<Limit>
  readonly unsent: ReadonlyArray<{ readonly event: string; readonly tries: number }>
  readonly issues: ReadonlyArray<{
    readonly life: { readonly waits: string | null; readonly limits: ReadonlyArray<Limit> }
  }>
}

it("each limit is shown with what is left, and neither an end nor a kill of the service resets one", async () => {
  const served = await makeServed({
    limits: { running: 4, perRepository: 2, perOrganisation: 3 },
    budgets: { day: { runs: 2 }, issue: { runs: 5, time: "1 hour" } },
    ciFeedback: 3,
    repositories: { "ada/*": { budgets: { issue: { runs: 4 } } } },
    // Nobody listens there.
    notify: [{ url: "http://127.0.0.1:9/bots", format: "ntfy", events: ["blocked"] }],
  })
  const { cli, forge } = served
  cli.write(
    "agents/worker.md",
    shellAgent("echo Hello | forge post-comment 17; forge signal-done blocked 'What now?'"),
  )
  const status = async (): Promise<Status> =>
    JSON.parse((await cli.run(["orchestrate", "status", "--json", "--service"])).stdout)
  const shown = (limits: ReadonlyArray<Limit> = []) =>
    limits.map(({ of, name, what, limit, used, left }) => [of, name, what, limit, used, left])
  const say = (body: string) => Effect.runPromise(forge.as("ada").comment(door, body))
  const ofIssue = (runs: number) => [
    ["issue", "ada/cellar#17", "seconds", 3600, expect.any(Number), expect.any(Number)],
    ["issue", "ada/cellar#17", "runs", 4, runs, 4 - runs],
    ["issue", "ada/cellar#17", "heads", 3, 0, 3],
    ["run", expect.any(String), "comments", 20, 1, 19],
  ]
  const ofService = (runs: number) => [
    ["machine", expect.any(String), "running", 4, 0, 4],
    ["organisation", "ada", "running", 3, 0, 3],
    ["repository", "ada/cellar", "running", 2, 0, 2],
    ["day", expect.stringMatching(/^\d{4}-\d\d-\d\d$/), "runs", 2, runs, 2 - runs],
  ]
  const frozen = (service: Awaited<ReturnType<typeof served.serve>>) =>
    expect.poll(service.stderr, far).toMatch(/#17: frozen$/m)
  try {
    const first = await served.serve()
    await served.target()
    await frozen(first)
    const running = await status()
    expect(shown(running.limits)).toEqual(ofService(1))
    expect(running.limits.at(-1)?.until).toMatch(/T00:00:00/)
    expect(shown(running.issues[0]?.life.limits)).toEqual(ofIssue(1))
    first.child.kill("SIGTERM")
    await first.result
    const ended = await status()
    expect([ended.service.isServing, shown(ended.limits)]).toEqual([false, ofService(1)])
    expect(shown(ended.issues[0]?.life.limits)).toEqual(ofIssue(1))

    const second = await served.serve()
    await say("Go on.")
    await frozen(second)
    expect(shown((await status()).limits)).toEqual(ofService(2))
    second.child.kill("SIGKILL")
    await second.result

    await served.serve()
    await say("And on.")
    await expect.poll(async () => (await status()).issues[0]?.life.waits, far).toBe("limit")
    const last = await status()
    expect(shown(last.limits)).toEqual(ofService(2))
    expect(shown(last.issues[0]?.life.limits)).toEqual(ofIssue(2))
    expect(last.unsent).toMatchObject([{ event: "blocked", tries: expect.any(Number) }, { event: "blocked" }])
    const text = await cli.run(["orchestrate", "status"])
    expect(text.stderr).toContain("the day 2 of 2 runs (new in ")
    expect(text.stderr).toMatch(/notices that are not sent yet: 2; the oldest is blocked of ada\/cellar#17, /)
  } finally {
    await served.stop()
  }
}, 400_000)
