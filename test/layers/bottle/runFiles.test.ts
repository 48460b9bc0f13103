/** The files of a run: what they hold, where they may lie, and that a shell reads them as they were meant. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import type { BottlePlan } from "../../../src/domain/Bottle.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { removeRunDirectory, writeRunDirectory } from "../../../src/layers/bottle/runDirectory.ts"
import { enterFailure } from "../../../src/layers/bottle/runFiles.ts"
import { Home, homeAt } from "../../../src/layers/home/Home.ts"
import { tempDir } from "../../support/tempDir.ts"

const plan = (more: Partial<BottlePlan> = {}): BottlePlan => ({
  slug: Slug.make("fixer-abcde"),
  backend: "host",
  run: 1,
  image: "",
  rehydrate: false,
  pull: "missing",
  workdir: "/workspace",
  limits: { memoryBytes: 1, pids: 1024 },
  argv: ["agent"],
  env: {},
  prompt: "do it",
  files: [],
  interactive: false,
  ...more,
})

const inHome = <A, E>(body: (root: string) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const root = yield* tempDir
    return yield* body(root).pipe(Effect.provideService(Home, homeAt(root)))
  }).pipe(Effect.scoped)

/** What a program sees after a POSIX shell has read env and argv, as `bin/enter` does. */
const seenBy = (shell: ReadonlyArray<string>, neck: string) => {
  const show = "JSON.stringify({argv:process.argv.slice(1),env:process.env})"
  const script = `. ${neck}/env; . ${neck}/argv; exec ${process.execPath} -p '${show}' -- "$@"`
  const [command = "sh", ...args] = shell
  const text = execFileSync(command, [...args, "-c", script], {
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["ignore", "pipe", "inherit"],
  }).toString()
  return JSON.parse(text) as { argv: Array<string>; env: Record<string, string> }
}

const nasty = 'it\'s "$HOME" `id` \\ \n new line é 🦊 !#%&*'

describe("run directory", () => {
  for (const shell of [["sh"], ["dash"], ["bash", "--posix"], ["busybox", "sh"]]) {
    const there = spawnSync(shell[0] ?? "", ["-c", ":"]).error === undefined
    it.effect.skipIf(!there)(`argv and environment come through ${shell[0]} as they are`, () =>
      inHome(() =>
        Effect.gen(function* () {
          const { neck } = yield* writeRunDirectory(
            plan({ argv: ["agent", "-x", "", nasty], env: { NASTY: nasty, EMPTY: "" } }),
          )
          const seen = seenBy(shell, neck)
          assert.deepStrictEqual(seen.argv, ["agent", "-x", "", nasty])
          assert.strictEqual(seen.env["NASTY"], nasty)
          assert.strictEqual(seen.env["EMPTY"], "")
          assert.strictEqual(seen.env["BOT_BOTTLE_SLUG"], "fixer-abcde")
          assert.strictEqual(seen.env["BOT_BOTTLE_RUN"], "1")
          assert.strictEqual(seen.env["BOT_BOTTLE_PROMPT_FILE"], "/run/bottle/prompt")
          assert.strictEqual(seen.env["BOT_BOTTLE_NECK"], "http://127.0.0.1:7317")
          assert.strictEqual(seen.env["https_proxy"], seen.env["HTTPS_PROXY"])
          assert.strictEqual(seen.env["NODE_USE_ENV_PROXY"], "1")
          assert.strictEqual(seen.env["PATH"], "/run/bottle/bin:/usr/bin:/bin")
        }),
      ),
    )
  }

  it.effect("is ours alone, and what is in it can be read and executed whatever the umask", () =>
    inHome((root) =>
      Effect.gen(function* () {
        const before = process.umask(0o077)
        const paths = yield* writeRunDirectory(
          plan({ files: [{ path: "claude/deep/mcp.json", content: "{}" }] }),
        ).pipe(Effect.ensuring(Effect.sync(() => process.umask(before))))
        const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
        assert.strictEqual(paths.run.startsWith(root), true)
        assert.strictEqual(mode(paths.run), "700")
        assert.strictEqual(mode(paths.neck), "755")
        assert.strictEqual(mode(join(paths.neck, "claude/deep")), "755")
        assert.strictEqual(mode(join(paths.neck, "claude/deep/mcp.json")), "644")
        assert.strictEqual(mode(join(paths.neck, "prompt")), "644")
        for (const name of readdirSync(join(paths.neck, "bin"))) {
          assert.strictEqual(mode(join(paths.neck, "bin", name)), "755")
        }
      }),
    ),
  )

  it.effect("a second run finds nothing of the first, and the sidecar's files stay", () =>
    inHome(() =>
      Effect.gen(function* () {
        const { neck } = yield* writeRunDirectory(
          plan({ env: { FIRST: "1" }, files: [{ path: "extra/file", content: "x" }] }),
        )
        writeFileSync(join(neck, "neck.sock"), "")
        writeFileSync(join(neck, "loopback"), "")
        const { prompt: _prompt, ...interactive } = plan({ run: 2, interactive: true })
        yield* writeRunDirectory(interactive)
        assert.sameMembers(readdirSync(neck), ["argv", "bin", "env", "loopback", "neck.sock"])
        const env = readFileSync(join(neck, "env"), "utf8")
        assert.notInclude(env, "FIRST")
        assert.notInclude(env, "BOT_BOTTLE_PROMPT_FILE")
        yield* removeRunDirectory(plan().slug)
        yield* removeRunDirectory(plan().slug)
        assert.isFalse(existsSync(neck))
      }),
    ),
  )

  it.effect("a prompt of 1 MB lies there whole", () =>
    inHome(() =>
      Effect.gen(function* () {
        const prompt = "é".repeat(500_000)
        const { neck } = yield* writeRunDirectory(plan({ prompt }))
        assert.strictEqual(readFileSync(join(neck, "prompt"), "utf8"), prompt)
      }),
    ),
  )

  const bad: ReadonlyArray<readonly [string, Partial<BottlePlan>]> = [
    ["a file above the neck", { files: [{ path: "../x", content: "" }] }],
    ["a file that goes up on its way", { files: [{ path: "a/../../x", content: "" }] }],
    ["an absolute file", { files: [{ path: "/etc/x", content: "" }] }],
    ["a file without a name", { files: [{ path: "", content: "" }] }],
    ["a file in place of the socket", { files: [{ path: "neck.sock", content: "" }] }],
    ["a file among the scripts", { files: [{ path: "bin/enter", content: "" }] }],
    ["a variable with a dash in its name", { env: { "A-B": "x" } }],
    ["a variable that is a command", { env: { "A=$(id)": "x" } }],
    ["a value with a zero byte", { env: { A: "x\0y" } }],
    ["an empty command", { argv: [] }],
    ["an argument with a zero byte", { argv: ["a", "\0"] }],
  ]
  for (const [name, more] of bad) {
    it.effect(`${name} is invalid`, () =>
      inHome(() =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(writeRunDirectory(plan(more)))
          assert.strictEqual(error.name, "InvalidInput")
        }),
      ),
    )
  }

  it.effect("a link in place of the run directory refuses the launch", () =>
    inHome((root) =>
      Effect.gen(function* () {
        const paths = homeAt(root).of(plan().slug)
        mkdirSync(dirname(paths.run), { recursive: true })
        mkdirSync(join(root, "elsewhere"))
        symlinkSync(join(root, "elsewhere"), paths.run)
        const error = yield* Effect.flip(writeRunDirectory(plan()))
        assert.strictEqual(error.name, "LaunchRefused")
        assert.include(error.message, "BOT_BOTTLE_RUN_DIR")
        assert.isEmpty(readdirSync(join(root, "elsewhere")))
      }),
    ),
  )

  it.effect("a run directory that others could read is closed to them", () =>
    inHome((root) =>
      Effect.gen(function* () {
        const { run } = homeAt(root).of(plan().slug)
        mkdirSync(run, { recursive: true })
        chmodSync(run, 0o777)
        yield* writeRunDirectory(plan())
        assert.strictEqual(statSync(run).mode & 0o777, 0o700)
      }),
    ),
  )

  it.effect("a socket's path over 107 bytes refuses the launch and says what to do", () =>
    inHome((root) =>
      Effect.gen(function* () {
        const deep = homeAt(root, join(root, "d".repeat(100)))
        const error = yield* Effect.flip(writeRunDirectory(plan()).pipe(Effect.provideService(Home, deep)))
        assert.strictEqual(error.name, "LaunchRefused")
        assert.include(error.message, "BOT_BOTTLE_RUN_DIR")
      }),
    ),
  )
})

describe("enterFailure", () => {
  it("is the cause in the last line, and only with enter's own code", () => {
    const said = "noise\nbot-bottle-enter: the neck did not answer within 30 s\n"
    assert.deepStrictEqual(enterFailure(125, said), Option.some("the neck did not answer within 30 s"))
    assert.deepStrictEqual(enterFailure(1, said), Option.none())
    assert.deepStrictEqual(enterFailure(125, `${said}agent's own\n`), Option.none())
    assert.deepStrictEqual(enterFailure(125, ""), Option.none())
  })
})
