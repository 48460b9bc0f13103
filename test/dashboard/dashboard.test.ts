/** The dashboard in a real browser, over a service with a simulated Gitea: what operators see and do, and what strangers' texts cannot do. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import type { Page } from "playwright-core"
import { RequestId, type RequestDetail } from "../../src/domain/AgentRequest.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { makeSimulated, type SimulatedOptions } from "../orchestrator/simulated.ts"
import { axeFindings, hasBrowser, openBrowser, openPage, picture } from "../support/browser.ts"

const ADA = "ada-0123456789abcdef0123456789abcdef"
const HOSTILE = `<img src=x onerror=alert(1)>\u202etxt.exe\u001b[31mred"'&</script><script>alert(2)</script>`
const SHOWN = `<img src=x onerror=alert(1)>\\u{202e}txt.exe`

const PHONE = { width: 390, height: 844 }
const DESK = { width: 1280, height: 900 }

/** A service, a browser, and how to sign in. */
const served = Effect.fnUntraced(function* (options: SimulatedOptions = {}) {
  const world = yield* makeSimulated({
    ...options,
    more: { operators: { ada: { token: { env: "A" } } }, ...options.more },
    tokens: { "operators.ada.token": ADA },
  })
  const { listening, close } = yield* world.serve
  const browser = yield* openBrowser
  const signedIn = Effect.fnUntraced(function* (how: Parameters<typeof openPage>[1] = { viewport: DESK }) {
    const watched = yield* openPage(browser, how)
    const { page } = watched
    yield* Effect.promise(async () => {
      await page.goto(`http://${listening}/sign-in`)
      await page.getByLabel("Your operator's token").fill(ADA)
      await page.getByRole("button", { name: "Sign in" }).click()
      await page.getByRole("heading", { name: "Issues" }).waitFor()
    })
    return watched
  })
  const frozen = (number: number) =>
    Effect.zipRight(
      world.target(number),
      world.until(number, ({ state: { phase } }) => phase === "frozen"),
    )
  return { world, listening, close, browser, signedIn, frozen }
})

const does = <A>(action: () => Promise<A>) => Effect.promise(action)
const seen = (page: Page, text: string | RegExp) => does(() => page.getByText(text).first().waitFor())

const line = (seq: number, detail: string): string =>
  `${JSON.stringify({ seq, at: "2026-01-02T03:04:05.000Z", op: "read_issue", target: "#17", outcome: "ok", durationMs: 3, detail })}\n`

describe.skipIf(!hasBrowser)("the dashboard", () => {
  it.scopedLive("lets in operators alone, says what to do first, and loads nothing from elsewhere", () =>
    Effect.gen(function* () {
      const { listening, browser, signedIn } = yield* served()
      const { page: stranger } = yield* openPage(browser)
      yield* does(async () => {
        await stranger.goto(`http://${listening}/`)
        await stranger.getByRole("link", { name: "Sign in" }).click()
        await stranger.getByLabel("Your operator's token").fill("wrong")
        await stranger.getByRole("button", { name: "Sign in" }).click()
        await stranger.getByRole("alert").waitFor()
      })
      const statuses = yield* does(() =>
        Promise.all(
          ["/dashboard.js", "/dashboard.css", "/status"].map(async (path) =>
            (await stranger.request.get(`http://${listening}${path}`)).status(),
          ),
        ),
      )
      expect(statuses).toEqual([401, 401, 401])
      const { page, faults, hosts } = yield* signedIn()
      yield* seen(page, "No issue is for an agent yet")
      yield* seen(page, "bot-bottle orchestrate hook")
      expect([...hosts]).toEqual([listening])
      expect(faults).toEqual([])
      yield* does(async () => {
        await page.getByRole("button", { name: "Sign out" }).click()
        await page.getByLabel("Your operator's token").waitFor()
        await page.goto(`http://${listening}/`)
        await page.getByRole("link", { name: "Sign in" }).waitFor()
      })
    }),
  )

  it.scopedLive(
    "shows a life from its label on: each decision with its reason, the live log and output, as text",
    () =>
      Effect.gen(function* () {
        const goesOn = yield* Deferred.make<void>()
        const { world, signedIn } = yield* served({
          work: (_plan, _sim, { print }) =>
            Effect.zipRight(
              print(`begins ${HOSTILE}\n`),
              Effect.zipRight(Deferred.await(goesOn), print("ends\n")),
            ),
        })
        const issue = world.sim.state.repo("ada", "cellar")?.issues.get(17)
        if (issue !== undefined) issue.title = HOSTILE
        world.operationLog.text = line(1, HOSTILE)
        const { page, faults, alerts } = yield* signedIn()
        yield* seen(page, "No issue is for an agent yet")
        // It appears without a reload.
        yield* world.target(17)
        yield* does(() => page.getByRole("link", { name: "ada/cellar#17" }).waitFor())
        yield* seen(page, SHOWN)
        yield* does(() => page.getByRole("link", { name: "ada/cellar#17" }).click())
        yield* does(() => page.getByRole("heading", { name: "ada/cellar#17" }).waitFor())
        yield* seen(page, /^Launch/)
        yield* does(() => page.getByRole("button", { name: /^Show log and output of/ }).click())
        yield* does(() => page.getByRole("region", { name: "Operation log" }).getByText(SHOWN).waitFor())
        yield* does(() => page.getByRole("button", { name: "Output of run 1" }).click())
        const output = page.getByRole("region", { name: "Output" })
        yield* does(() => output.getByText(`begins ${SHOWN}`).waitFor())
        yield* seen(page, /^live/)
        yield* Deferred.succeed(goesOn, undefined)
        yield* does(() => output.getByText("ends").waitFor())
        yield* world.until(17, ({ state: { phase } }) => phase === "frozen")
        yield* does(() => page.locator("dd .state-frozen").waitFor())
        const timeline = page.getByRole("list").filter({ hasText: "rule:" })
        yield* does(() =>
          timeline
            .getByText(/^Freeze/)
            .first()
            .waitFor(),
        )
        const told = yield* does(() => timeline.innerText())
        expect(told).toMatch(/Launched .* run 1[^]*Launch ended[^]*Freeze[^]*Freeze ended/)
        expect(told).toMatch(/because of .*(label|assign).* by ada/)
        expect(yield* does(() => page.locator("img, script:not([src])").count())).toBe(0)
        expect([faults, alerts]).toEqual([[], []])
      }),
  )

  it.scopedLive("filters and pages at the service", () =>
    Effect.gen(function* () {
      const { signedIn, frozen, world } = yield* served({
        issues: [17, 18],
        more: { limits: { running: 2 } },
      })
      yield* Effect.all([frozen(17), frozen(18)])
      const { page } = yield* signedIn()
      const asked: Array<string> = []
      page.on("request", (request) => asked.push(request.url()))
      yield* does(async () => {
        await page.getByLabel("Text").fill("issue 18")
        await page.getByLabel("State").selectOption("frozen")
        await page.getByRole("button", { name: "Filter" }).click()
        await page.getByRole("link", { name: "ada/cellar#18" }).waitFor()
        await page.getByRole("link", { name: "ada/cellar#17" }).waitFor({ state: "detached" })
      })
      expect(asked.some((url) => url.includes("/issues?text=issue+18&phase=frozen"))).toBe(true)
      yield* does(async () => {
        await page.getByLabel("Text").fill("no such")
        await page.getByRole("button", { name: "Filter" }).click()
        await page.getByText("No issue matches.").waitFor()
        await page.getByRole("link", { name: "Clear" }).click()
        await page.getByRole("link", { name: "ada/cellar#17" }).waitFor()
      })
      // Pages of one issue each, as a link would ask for them.
      const first = yield* does(
        async () =>
          (await (await page.request.get(`${new URL(page.url()).origin}/issues?limit=1`)).json()) as {
            next: string
          },
      )
      yield* does(async () => {
        await page.goto(`${new URL(page.url()).origin}/#/issues?cursor=${encodeURIComponent(first.next)}`)
        await page.getByRole("link", { name: "First page" }).click()
        await page.getByRole("link", { name: "ada/cellar#18" }).waitFor()
      })
      expect(world.prOf(17)).toBeGreaterThan(0)
    }),
  )

  it.scopedLive("orders what an operator confirms, in that operator's name, by keyboard alone", () =>
    Effect.gen(function* () {
      const { signedIn, frozen } = yield* served()
      yield* frozen(17)
      const { page, faults } = yield* signedIn()
      const press = (...keys: ReadonlyArray<string>) =>
        does(async () => {
          for (const key of keys) await page.keyboard.press(key)
        })
      const focused = does(() => page.evaluate<string>("document.activeElement?.textContent ?? ''"))
      const tabTo = Effect.fnUntraced(function* (text: string) {
        for (let n = 0; n < 60 && (yield* focused) !== text; n++) yield* press("Tab")
        expect(yield* focused).toBe(text)
      })
      yield* press("Tab")
      expect(yield* focused).toBe("Skip to the content")
      yield* tabTo("Pause")
      yield* press("Enter")
      yield* seen(page, "Pause? Nothing new starts.")
      yield* press("Escape")
      yield* does(() => page.getByRole("dialog").waitFor({ state: "detached" }))
      yield* does(() => page.getByRole("button", { name: "Pause" }).focus())
      yield* press("Enter")
      yield* seen(page, "Pause? Nothing new starts.")
      yield* tabTo("Pause")
      yield* press("Enter")
      yield* does(() => page.getByRole("button", { name: "Continue" }).waitFor())
      yield* does(() => page.getByRole("button", { name: "Continue" }).click())
      yield* does(() => page.getByRole("button", { name: "Pause" }).waitFor())

      yield* does(() => page.getByRole("link", { name: "ada/cellar#17" }).click())
      yield* does(() => page.getByRole("button", { name: "Destroy" }).click())
      yield* seen(page, /What it has not pushed is lost/)
      yield* does(() => page.getByRole("dialog").getByRole("button", { name: "Destroy" }).click())
      yield* seen(page, /ordered: destroy/)
      expect(yield* does(() => page.locator("ol.timeline").innerText())).toMatch(/ada ordered: destroy/)
      expect(faults).toEqual([])
    }),
  )

  it.scopedLive("shows what agents ask for, and carries an operator's decision to them once", () =>
    Effect.gen(function* () {
      const { signedIn, frozen, world } = yield* served()
      yield* frozen(17)
      const { page, faults } = yield* signedIn()
      const slug = yield* does(() => page.locator("td a[href^='#/bottles/']").first().innerText())
      const asked = {
        version: 1,
        slug: Slug.make(slug),
        run: 1,
        at: "2026-01-02T03:04:05.000Z",
        used: false,
      } as const
      const ask = (id: string, detail: RequestDetail) =>
        world.request({ ...asked, id: RequestId.make(id), detail, reason: HOSTILE })
      yield* does(() => page.getByRole("link", { name: "Requests" }).click())
      yield* seen(page, "No agent asks for anything.")
      yield* ask("aaaaaa", { kind: "egress", host: "example.org", port: 443 })
      yield* ask("bbbbbb", { kind: "question", text: HOSTILE })
      // It appears without a reload.
      const first = page.getByRole("article", { name: "Request aaaaaa" })
      const second = page.getByRole("article", { name: "Request bbbbbb" })
      yield* does(() => first.getByText("example.org:443").waitFor())
      yield* does(() => second.getByText(SHOWN).first().waitFor())
      expect(yield* axeFindings(page)).toEqual([])
      yield* picture(page, "requests")
      yield* does(async () => {
        await first.getByRole("button", { name: "Approve one connection" }).click()
        await first.waitFor({ state: "detached" })
        await second.getByLabel("Answer").fill("Use the blue one.")
        await second.getByRole("button", { name: "Answer" }).click()
        await second.waitFor({ state: "detached" })
        await page.getByRole("link", { name: "All" }).click()
        await first.getByText(/approved by ada/).waitFor()
        await second.getByText(/answered by ada/).waitFor()
      })
      yield* does(() => second.getByText("Use the blue one.").waitFor())
      // Another operator decided meanwhile.
      yield* ask("cccccc", { kind: "budget", tokens: 1000 })
      yield* does(() => page.getByRole("link", { name: "Waiting for a decision" }).click())
      const third = page.getByRole("article", { name: "Request cccccc" })
      yield* does(() => third.getByRole("button", { name: "Approve for this run" }).waitFor())
      const decision = {
        version: 1,
        id: RequestId.make("cccccc"),
        verdict: "denied",
        by: "bob",
        at: asked.at,
      } as const
      const button = yield* does(() =>
        third.getByRole("button", { name: "Approve for this run" }).elementHandle(),
      )
      yield* world.request({
        ...asked,
        id: RequestId.make("cccccc"),
        detail: { kind: "budget", tokens: 1000 },
        reason: "",
        decision,
      })
      yield* does(() => button?.click() ?? Promise.resolve())
      yield* does(() => third.waitFor({ state: "detached" }))
      yield* does(() => page.goto(page.url().replace(/#.*/, "#/issues/ada/cellar/17")))
      yield* seen(page, `ordered: approve ${slug} aaaaaa`)
      expect(faults).toEqual([])
    }),
  )

  it.scopedLive("says what to do when the service is gone", () =>
    Effect.gen(function* () {
      const { signedIn, close } = yield* served()
      const { page } = yield* signedIn()
      yield* close
      yield* does(() => page.getByRole("link", { name: "Bottles" }).click())
      yield* seen(page, "The service does not answer.")
      yield* does(() => page.getByRole("button", { name: "Try again" }).first().waitFor())
    }),
  )

  it.scopedLive("reads well on a phone and a desk, in dark and light, and axe-core finds nothing", () =>
    Effect.gen(function* () {
      const { signedIn, frozen, listening, world } = yield* served({
        issues: [17, 18],
        more: { limits: { running: 2 } },
        work: ({ prompt = "" }, _sim, { print }) =>
          Effect.zipRight(
            print(`${"long ".repeat(200)}\n`),
            prompt.includes("#18") ? Effect.never : Effect.void,
          ),
      })
      world.operationLog.text = line(1, "read the issue") + line(2, "cloned")
      for (const [number, title] of [
        [17, "The cellar leaks when it rains"],
        [18, "The shelves are too short for magnum bottles"],
      ] as const) {
        const issue = world.sim.state.repo("ada", "cellar")?.issues.get(number)
        if (issue !== undefined) issue.title = title
      }
      yield* frozen(17)
      yield* world.target(18)
      yield* world.until(18, ({ state: { phase } }) => phase === "running")
      const backs = new Set<string>()
      for (const [viewport, size] of [
        [DESK, "desk"],
        [PHONE, "phone"],
      ] as const)
        for (const colorScheme of ["light", "dark"] as const) {
          const { page, faults } = yield* signedIn({ viewport, colorScheme })
          const bottle = yield* does(() => page.locator("td a[href^='#/bottles/']").first().innerText())
          for (const [name, place, there] of [
            ["issues", "issues", "ada/cellar#17"],
            ["issue", "issues/ada/cellar/17", /^Freeze/],
            ["bottles", "bottles", bottle],
            ["bottle", `bottles/${bottle}`, "Operation log"],
            ["requests", "requests", "No agent asks for anything."],
            ["usage", "usage", "ada"],
            ["nowhere", "nowhere", "There is no such page"],
          ] as const) {
            yield* does(() => page.goto(`http://${listening}/#/${place}`))
            if (name !== "usage") yield* seen(page, there)
            else yield* does(() => page.getByRole("heading", { name: "Usage" }).waitFor())
            yield* does(() => page.waitForLoadState("load"))
            expect([name, size, colorScheme, yield* axeFindings(page)]).toEqual([name, size, colorScheme, []])
            const overflow = yield* does(() =>
              page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
            )
            expect([name, size, overflow]).toEqual([name, size, 0])
            if (size === "desk" && colorScheme === "light") yield* picture(page, name)
          }
          backs.add(
            yield* does(() => page.evaluate<string>("getComputedStyle(document.body).backgroundColor")),
          )
          expect(faults).toEqual([])
        }
      expect(backs.size).toBe(2)
    }),
  )
})
