/** What a service acknowledges on the forge, and of whom it notifies: a process, a simulated forge, and a receiver of notices. */
import { Effect, Exit, Scope } from "effect"
import { createHmac } from "node:crypto"
import { afterEach, beforeEach, expect, it } from "vitest"
import { type HookReceiver, hookReceiver } from "../support/hookReceiver.ts"
import { door, HOOK_SECRET, makeServed } from "../support/served.ts"

let served: Awaited<ReturnType<typeof makeServed>>
let receiver: HookReceiver
let scope: Scope.CloseableScope
beforeEach(async () => {
  scope = Effect.runSync(Scope.make())
  receiver = await Effect.runPromise(Scope.extend(hookReceiver, scope))
  served = await makeServed({
    acknowledge: "reaction",
    notify: [
      {
        url: receiver.url,
        format: "json",
        events: ["finished", "failed"],
        secret: { command: ["echo", HOOK_SECRET], ttl: "5 minutes" },
      },
    ],
  })
})
afterEach(async () => {
  await served.stop()
  await Effect.runPromise(Scope.close(scope, Exit.void))
})

const far = { interval: 100 }
const contentsOf = (on: { readonly reactions?: ReadonlyArray<{ readonly content: string }> } | undefined) =>
  on?.reactions?.map(({ content }) => content) ?? []

it("what is picked up gets eyes, what is refused confused, and the end of an agent a signed notice", async () => {
  const service = await served.serve()
  const issue = served.forge.state.issue("ada", "cellar", 17)
  await Effect.runPromise(served.ada.comment(door, "Use oak."))
  const opened = await Effect.runPromise(
    served.ada.openIssue({ owner: "ada", repo: "cellar" }, { number: 18, title: "Two", body: "agents" }),
  )
  const other = { ...door, number: opened }
  await Effect.runPromise(
    Effect.all([
      served.ada.label(other, "bot-bottle:worker"),
      served.ada.label(other, "bot-bottle:reader"),
      served.ada.assign(other, "bot"),
    ]),
  )
  await served.target()
  await expect.poll(() => contentsOf(issue), far).toEqual(["eyes"])
  await expect.poll(() => contentsOf(issue?.comments[0]), far).toEqual(["eyes"])
  await expect
    .poll(() => contentsOf(served.forge.state.issue("ada", "cellar", opened)), far)
    .toEqual(["confused"])
  expect(receiver.received).toEqual([])
  served.go()
  await expect.poll(() => receiver.received.length, far).toBe(1)
  const [notice] = receiver.received
  expect(JSON.parse(notice?.raw ?? "")).toMatchObject({ event: "finished", issue: { number: 17 }, run: 1 })
  const hex = createHmac("sha256", HOOK_SECRET)
    .update(notice?.raw ?? "")
    .digest("hex")
  expect(notice?.headers["x-bot-bottle-signature"]).toBe(`sha256=${hex}`)
  service.child.kill("SIGTERM")
  await service.result
})
