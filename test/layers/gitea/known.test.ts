/** What is known of people for a while: only a yes, for ten seconds, and shared by the forges of one process. */
import { expect, it } from "@effect/vitest"
import { Duration, Effect, Redacted, TestClock } from "effect"
import * as GiteaForges from "../../../src/layers/gitea/GiteaForges.ts"
import { Forges } from "../../../src/services/Forges.ts"
import * as GiteaSimulator from "../../../src/simulator/GiteaSimulator.ts"

const TOKEN = "89abcdef0123456789abcdef0123456789abcdef"

/** A forge on which carl may write and eve may not, and who of them is trusted, asked by a new forge each time as each look does. */
const world = Effect.gen(function* () {
  const sim = yield* GiteaSimulator.make({
    users: [{ login: "bot", token: TOKEN }, { login: "ada" }, { login: "carl" }, { login: "eve" }],
    orgs: [{ name: "bot-bottle", members: ["bot"] }],
    repos: [
      {
        owner: "ada",
        name: "cellar",
        collaborators: { bot: "admin", carl: "write" },
        issues: [{ number: 17, title: "The door", body: "", author: "ada" }],
      },
    ],
  })
  const door = { owner: "ada", repo: "cellar", number: 17 }
  for (const who of ["ada", "carl", "eve"]) yield* sim.as(who).comment(door, `${who} was here`)
  const forges = yield* Forges
  const target = { kind: "gitea", apiUrl: sim.apiUrl, token: Redacted.make(TOKEN) }
  const trusted = forges
    .of({ ...target, owner: "ada", repo: "cellar" }, { unanswered: "fails", recently: true })
    .pipe(
      Effect.flatMap((forge) => forge.readComments(17)),
      Effect.map((comments) => comments.filter((it) => it.authorTrusted).map((it) => it.user)),
    )
  /** The paths that are asked for meanwhile. */
  const asked = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.map(
      Effect.zipRight(
        Effect.sync(() => sim.forget()),
        effect,
      ),
      () => sim.requests.map(({ path }) => path),
    )
  const collaborators = sim.state.repo("ada", "cellar")?.collaborators ?? new Map()
  return { sim, trusted, asked, collaborators }
})

it.scoped("a second look within ten seconds asks only about those who were not trusted", () =>
  Effect.gen(function* () {
    const { trusted, asked } = yield* world
    const first = yield* asked(trusted)
    expect(first.filter((path) => /carl|user$/.test(path))).not.toEqual([])
    const again = yield* asked(trusted)
    expect(again.filter((path) => /carl|members\/ada$|user$/.test(path))).toEqual([])
    expect(again.filter((path) => path.includes("eve"))).not.toEqual([])
    expect(again.length).toBeLessThan(first.length - 3)
  }).pipe(Effect.provide(GiteaForges.layer)),
)

it.scoped(
  "whoever loses the permission counts for ten seconds more, and whoever gets it counts at once",
  () =>
    Effect.gen(function* () {
      const { trusted, collaborators } = yield* world
      expect(yield* trusted).toEqual(["ada", "carl"])
      collaborators.delete("carl")
      collaborators.set("eve", "write")
      expect(yield* trusted).toEqual(["ada", "carl", "eve"])
      yield* TestClock.adjust(Duration.millis(9_999))
      expect(yield* trusted).toEqual(["ada", "carl", "eve"])
      yield* TestClock.adjust("1 millis")
      expect(yield* trusted).toEqual(["ada", "eve"])
    }).pipe(Effect.provide(GiteaForges.layer)),
)

it.scopedLive("a question that failed is asked again, and another token is told nothing of it", () =>
  Effect.gen(function* () {
    const { sim, trusted, asked } = yield* world
    sim.failNext({ kind: "status", status: 500, path: "carl/permission", times: 9 })
    expect((yield* Effect.exit(trusted))._tag).toBe("Failure")
    sim.forget()
    expect(yield* trusted).toEqual(["ada", "carl"])
    const forges = yield* Forges
    const stranger = forges
      .of({
        kind: "gitea",
        apiUrl: sim.apiUrl,
        token: Redacted.make("0".repeat(40)),
        owner: "ada",
        repo: "cellar",
      })
      .pipe(Effect.flatMap((forge) => Effect.exit(forge.self)))
    expect((yield* asked(stranger)).filter((path) => path.endsWith("/user"))).toHaveLength(1)
  }).pipe(Effect.provide(GiteaForges.layer)),
)
