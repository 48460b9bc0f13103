/** A bottle whose forge, a simulated Gitea, is behind its git gate: issue 17 is the run's. */
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as GiteaForges from "../../src/layers/gitea/GiteaForges.ts"
import * as QueueDir from "../../src/sidecar/record/QueueDir.ts"
import { serve } from "./serve.ts"
import { decodeDocument } from "../../src/sidecar/SidecarDocument.ts"
import { type Forge, TOKEN, commit, forge, git, ok } from "./git.ts"
import { rpc, send } from "./rpc.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { tempDir } from "./tempDir.ts"

const SLUG = Slug.make("door-abcde")
/** Branches that the bottle may push: git keeps no branch beside one that is below it: either the bottle's own, or these. */
export const OWN = `bot-bottle/${SLUG}`
/** Two below it. */
export const [DOOR, LOCK] = [`${OWN}/door`, `${OWN}/lock`] as const
const ISSUE = 17

/** A forge whose issue 17 is about the door. */
export const withIssue = Effect.tap(forge, ({ sim, repo }) =>
  Effect.sync(() => sim.state.addIssue(repo, { number: ISSUE, title: "The door", author: "ada" })),
)

/** A place for a bottle's state; each `launch` serves it by a new sidecar until the scope closes. */
export const bottle = (
  at: Forge,
  more: {
    readonly git?: object
    /** Other repositories. */
    readonly others?: ReadonlyArray<object>
    readonly prNumbers?: ReadonlyArray<number>
    readonly base?: string
  } = {},
) =>
  Effect.gen(function* () {
    const directory = yield* tempDir
    const socketPath = join(directory, "run", "neck.sock")
    const stateDir = join(directory, "state")
    const text = JSON.stringify({
      slug: SLUG,
      socketPath,
      stateDir,
      loopback: true,
      forge: {
        apiUrl: at.sim.apiUrl,
        owner: "Ada",
        repo: "Cellar",
        token: TOKEN,
        issueNumber: ISSUE,
        prNumbers: more.prNumbers ?? [],
        ...(more.base !== undefined && { base: more.base }),
      },
      git: [
        { name: "app", url: at.url, credential: TOKEN, private: true, ...more.git },
        ...(more.others ?? []),
      ],
    })
    const document = yield* decodeDocument(text)
    /** A push as no git sends it: the ref is said to have been nowhere, and no object comes with it. */
    const claim = (ref: string, id: string) => {
      const line = `${"0".repeat(40)} ${id} ${ref}\0report-status atomic`
      const length = (line.length + 4).toString(16).padStart(4, "0")
      return send(socketPath, { path: "/git/app.git/git-receive-pack", body: `${length}${line}0000` })
    }
    const launch = Effect.gen(function* () {
      yield* serve(document, {
        drainMs: 100,
        gitProgressMs: 90_000,
        scanMs: 90_000,
      }).pipe(Effect.provide(GiteaForges.layer))
      const loopback = readFileSync(join(directory, "run", "loopback"), "utf8")
      const neck = /BOT_BOTTLE_NECK='([^']+)'/.exec(loopback)?.[1] ?? ""
      const work = yield* tempDir
      yield* ok(work, ["clone", "-q", `${neck}/git/app.git`, "."])
      return { work, neck }
    })
    return {
      stateDir,
      launch,
      claim,
      open: (params: { readonly head: string; readonly [key: string]: string }) =>
        rpc(socketPath, "open_pr", { title: "The door", body: "", ...params }),
      call: (method: string, params: unknown) => rpc(socketPath, method, params),
      /** Numbers of the PRs that the watcher was told of. */
      told: Effect.map(QueueDir.events(join(stateDir, "queue"), SLUG), (all) =>
        all.flatMap(({ event }) => (event.kind === "pr-opened" ? [event.number] : [])),
      ),
    }
  })

/** Commits in a clone and pushes that to a branch of the forge. */
export const push = (work: string, branch: string) =>
  Effect.zipRight(
    commit(work, { "src/door.ts": `export const door = "${branch}"\n` }, branch),
    git(work, ["push", "-q", "origin", `HEAD:refs/heads/${branch}`]),
  )
