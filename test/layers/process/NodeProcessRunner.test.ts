/** What ProcessRunner promises, over real child processes. */
import { assert, layer } from "@effect/vitest"
import { Cause, Chunk, Effect, Exit, Fiber, Stream } from "effect"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { vi } from "vitest"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import type { ProcessSpec } from "../../../src/services/ProcessRunner.ts"
import { ProcessRunner } from "../../../src/services/ProcessRunner.ts"

const sh = (script: string, more: Partial<ProcessSpec> = {}): ProcessSpec => ({
  command: "sh",
  args: ["-c", script],
  ...more,
})

const node = (script: string, more: Partial<ProcessSpec> = {}): ProcessSpec => ({
  command: process.execPath,
  args: ["-e", script],
  ...more,
})

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "bb-process-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

layer(NodeProcessRunner.layer, { excludeTestServices: true })("NodeProcessRunner", (it) => {
  it.effect("answers code and both outputs, and a code that is not 0 is a result", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const result = yield* runner.run(sh("echo out; echo err >&2; exit 7"))
      assert.deepStrictEqual(result, { exitCode: 7, stdout: "out\n", stderr: "err\n" })
    }),
  )

  it.effect("a child killed by a signal has 128+n and the signal's name", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const result = yield* runner.run(sh("kill -KILL $$"))
      assert.strictEqual(result.exitCode, 137)
      assert.strictEqual(result.signal, "SIGKILL")
    }),
  )

  it.effect("a missing program, a file that cannot be executed and a missing directory are told apart", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const folder = yield* temporaryFolder
      writeFileSync(join(folder, "plain"), "x", { mode: 0o644 })
      const missing = yield* Effect.flip(runner.run({ command: "bot-bottle-no-such", args: [] }))
      const plain = yield* Effect.flip(runner.run({ command: join(folder, "plain"), args: [] }))
      const cwd = yield* Effect.flip(runner.run(sh("true", { cwd: join(folder, "gone") })))
      const zero = yield* Effect.flip(runner.run({ command: "echo", args: ["a\0b"] }))
      assert.deepStrictEqual(
        [missing.reason, plain.reason, cwd.reason, zero.reason],
        ["not-found", "not-executable", "failed", "failed"],
      )
      assert.include(cwd.message, "no such directory")
    }).pipe(Effect.scoped),
  )

  it.effect(
    "nothing of our environment reaches the child but PATH, HOME, LANG, LC_ALL, TZ and what is given",
    () =>
      Effect.gen(function* () {
        const runner = yield* ProcessRunner
        process.env["BOT_BOTTLE_TEST_SECRET"] = "leak"
        const result = yield* runner.run({ command: "env", args: [], env: { GIVEN: "yes" } })
        delete process.env["BOT_BOTTLE_TEST_SECRET"]
        const names = result.stdout
          .trim()
          .split("\n")
          .map((line) => line.split("=")[0])
        assert.include(names, "GIVEN")
        assert.include(names, "PATH")
        assert.isEmpty(
          names.filter((name) => !["GIVEN", "PATH", "HOME", "LANG", "LC_ALL", "TZ"].includes(name ?? "")),
        )
      }),
  )

  it.effect("10 MB on stderr do not block the child, and only the tail is kept", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const result = yield* runner.run(
        node("process.stderr.write('x'.repeat(1e7)+'END'); process.stdout.write('done')", {
          maxOutputBytes: 10,
        }),
      )
      assert.deepStrictEqual(result, { exitCode: 0, stdout: "done", stderr: "xxxxxxxEND" })
    }),
  )

  it.effect("stdin comes from a string of 1 MB and from a stream", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const text = yield* runner.run({ command: "wc", args: ["-c"], stdin: "a".repeat(1_000_000) })
      const pieces = yield* runner.run({
        command: "cat",
        args: [],
        stdin: Stream.make(Buffer.from("one "), Buffer.from("two")),
      })
      assert.strictEqual(text.stdout.trim(), "1000000")
      assert.strictEqual(pieces.stdout, "one two")
    }),
  )

  it.effect("a child that does not read its stdin is no error, and without stdin it reads an end", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const endless = Stream.repeatEffect(Effect.succeed(Buffer.alloc(65536)))
      const deaf = yield* runner.run(sh("exit 3", { stdin: endless }))
      const closed = yield* runner.run(sh("exec 0<&-; echo on", { stdin: "b".repeat(1_000_000) }))
      const empty = yield* runner.run({ command: "cat", args: [] })
      assert.strictEqual(deaf.exitCode, 3)
      assert.strictEqual(closed.stdout, "on\n")
      assert.strictEqual(empty.stdout, "")
    }),
  )

  it.effect("an input that fails kills the child, which never sees an end of file", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const folder = yield* temporaryFolder
      const source = Stream.concat(Stream.make(Buffer.from("half")), Stream.fail("disk gone"))
      const error = yield* Effect.flip(
        runner.run(sh(`cat; touch ${join(folder, "saw-end")}`, { stdin: source })),
      )
      assert.include(error.message, "disk gone")
      const seen = yield* runner.run({ command: "ls", args: [folder] })
      assert.strictEqual(seen.stdout, "")
    }).pipe(Effect.scoped),
  )

  it.effect("a child that ignores TERM is killed when its time is over", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const folder = yield* temporaryFolder
      const pidFile = join(folder, "pid")
      const began = Date.now()
      const error = yield* Effect.flip(
        runner.run(
          node(
            `process.on('SIGTERM',()=>{});require('fs').writeFileSync('${pidFile}',String(process.pid));setInterval(()=>{},1000)`,
            { timeoutMs: 700 },
          ),
        ),
      )
      assert.strictEqual(error.reason, "timeout")
      assert.isFalse(isAlive(Number(readFileSync(pidFile, "utf8"))))
      assert.isBelow(Date.now() - began, 6000)
    }).pipe(Effect.scoped),
  )

  it.effect("an interrupted run takes its child along", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const [pid, fiber] = yield* Effect.scoped(
        Effect.gen(function* () {
          const child = yield* runner.stream(sh("echo ready; exec sleep 60"))
          yield* Stream.runHead(child.output)
          return [child.pid, yield* Effect.fork(runner.run(sh("sleep 60")))] as const
        }),
      )
      assert.isFalse(isAlive(pid))
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
    }),
  )

  it.effect("a child that closes its outputs and goes on is waited for", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const result = yield* runner.run(sh("echo first; exec >&- 2>&-; sleep 0.3; exit 5"))
      assert.deepStrictEqual(result, { exitCode: 5, stdout: "first\n", stderr: "" })
    }),
  )

  it.effect("a grandchild that holds the pipe open does not hold us", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const result = yield* runner.run(sh("sleep 60 & echo $!"))
      process.kill(Number(result.stdout.trim()), "SIGKILL")
      assert.strictEqual(result.exitCode, 0)
    }),
  )

  it.effect("a stream is read no faster than its reader, and nothing is lost", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const child = yield* runner.stream(
        node(
          "let n=0;const s=()=>{while(process.stdout.write('y'.repeat(65536))&&n++<160);if(n<160)process.stdout.once('drain',s)};s()",
        ),
      )
      const bytes = yield* child.output.pipe(
        Stream.tap(() => Effect.sleep(1)),
        Stream.runFold(0, (sum, chunk) => sum + chunk.bytes.length),
      )
      const exit = yield* child.exit
      assert.isAtLeast(bytes, 160 * 65536)
      assert.strictEqual(exit.exitCode, 0)
    }).pipe(Effect.scoped),
  )

  it.effect("output can be read after the child has ended", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const child = yield* runner.stream(sh("echo late; echo more >&2; exit 4"))
      const exit = yield* child.exit
      const chunks = Chunk.toReadonlyArray(yield* Stream.runCollect(child.output))
      assert.strictEqual(exit.exitCode, 4)
      assert.sameMembers(
        chunks.map(({ stream, bytes }) => `${stream} ${Buffer.from(bytes).toString()}`),
        ["stdout late\n", "stderr more\n"],
      )
    }).pipe(Effect.scoped),
  )

  it.effect("a stream's time limit ends its child", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const child = yield* runner.stream(sh("exec sleep 60", { timeoutMs: 100 }))
      const exit = yield* child.exit
      assert.deepStrictEqual(exit, { exitCode: 143, signal: "SIGTERM" })
    }).pipe(Effect.scoped),
  )

  it.effect(
    "a detached child outlives its launch, leads its own session, and hands over its first line",
    () =>
      Effect.gen(function* () {
        const runner = yield* ProcessRunner
        const { pid, firstLine } = yield* runner.detached({
          command: "sh",
          args: ["-c", 'read word; echo "got $word"; exec sleep 60'],
          stdin: "hello\n",
          firstLineMs: 5000,
        })
        const alive = isAlive(pid)
        const session = yield* runner.run({ command: "ps", args: ["-o", "sid=", "-p", String(pid)] })
        process.kill(pid, "SIGKILL")
        assert.strictEqual(firstLine, "got hello")
        assert.isTrue(alive)
        assert.strictEqual(Number(session.stdout), pid)
      }),
  )

  it.effect("a detached child that fails before its first line tells why", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const error = yield* Effect.flip(
        runner.detached({ command: "sh", args: ["-c", "echo bad config >&2; exit 2"], firstLineMs: 5000 }),
      )
      assert.strictEqual(error.reason, "failed")
      assert.include(error.message, "ended with 2: bad config")
    }),
  )

  it.effect("a detached child that says nothing in time is killed with all it started", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const folder = yield* temporaryFolder
      const pids = join(folder, "pids")
      const error = yield* Effect.flip(
        runner.detached({
          command: "sh",
          args: ["-c", `trap '' TERM; sleep 60 & echo $$ $! > ${pids}; wait`],
          firstLineMs: 400,
        }),
      )
      assert.strictEqual(error.reason, "timeout")
      for (const pid of readFileSync(pids, "utf8").trim().split(" ")) {
        const gone = `n=0; while ps -o stat= -p ${pid} | grep -qv Z && [ $n -lt 50 ]; do sleep 0.05; n=$((n+1)); done; echo $n`
        const waited = yield* runner.run(sh(gone))
        assert.isBelow(Number(waited.stdout), 50)
      }
    }).pipe(Effect.scoped),
  )

  it.effect("a detached child without a first line is let go at once, and a missing one is not found", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const { pid, firstLine } = yield* runner.detached({ command: "sleep", args: ["60"] })
      const alive = isAlive(pid)
      process.kill(pid, "SIGKILL")
      assert.strictEqual(firstLine, "")
      assert.isTrue(alive)
      const error = yield* Effect.flip(
        runner.detached({ command: "bot-bottle-no-such", args: [], firstLineMs: 100 }),
      )
      assert.strictEqual(error.reason, "not-found")
    }),
  )

  const waitingShell = (script: string) =>
    Effect.flatMap(ProcessRunner, (runner) =>
      runner.waiting({ command: "sh", args: ["-c", script], firstLineMs: 5000 }),
    )

  it.effect("a waiting child is fed later, and outlives the scope in which it waited", () =>
    Effect.gen(function* () {
      const fed = waitingShell('read word; echo "$word $$"; exec sleep 60').pipe(
        Effect.flatMap(({ feed }) => feed("hello\n")),
        Effect.scoped,
      )
      const { pid, firstLine } = yield* fed
      const alive = isAlive(pid)
      process.kill(pid, "SIGKILL")
      assert.strictEqual(firstLine, `hello ${pid}`)
      assert.isTrue(alive)
    }),
  )

  it.effect("a waiting child that is not fed ends with its scope", () =>
    Effect.gen(function* () {
      const pids = join(yield* temporaryFolder, "pids")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { lives } = yield* waitingShell(`echo $$ > ${pids}.new; mv ${pids}.new ${pids}; exec cat`)
          while (!existsSync(pids)) yield* Effect.promise(() => new Promise((done) => setTimeout(done, 10)))
          assert.isTrue(yield* lives)
        }),
      )
      yield* Effect.promise(() =>
        vi.waitFor(() => assert.isFalse(isAlive(Number(readFileSync(pids, "utf8")))), 5000),
      )
    }).pipe(Effect.scoped),
  )

  it.effect("a waiting child that has ended is known, and tells why when it is fed", () =>
    Effect.gen(function* () {
      const { lives, feed } = yield* waitingShell("echo no room >&2; exit 3")
      while (yield* lives) yield* Effect.promise(() => new Promise((done) => setTimeout(done, 10)))
      const error = yield* Effect.flip(feed("hello\n"))
      assert.include(error.message, "ended with 3: no room")
    }).pipe(Effect.scoped),
  )

  it.effect("a program ends where nothing can be interrupted, as in a finalizer", () =>
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const result = yield* Effect.uninterruptible(runner.run(sh("echo done", { timeoutMs: 20_000 })))
      assert.strictEqual(result.stdout, "done\n")
      const late = yield* Effect.uninterruptible(Effect.flip(runner.run(sh("sleep 60", { timeoutMs: 100 }))))
      assert.strictEqual(late.reason, "timeout")
    }),
  )
})
