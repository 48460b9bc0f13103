/** `cp` and `shell` without a terminal: files out of a bottle that runs, has exited, is frozen, on docker and on the host. */
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"

const cli = makeCli()
const slugIn = (stderr: string): string => /^bottle (\S+)$/m.exec(stderr)?.[1] ?? "none"

const MAKES = `mkdir -p out/deep && echo report >out/deep/report && ln -s deep/report out/link && ln -s /etc/passwd out/etc &&
ln -s ../../../.. out/up && mkfifo out/pipe && ln out/deep/report out/hard && chmod 700 out/deep && printf "x%.0s" 1 2 3 >out/x`

const looksRight = (copy: string, stderr: string) => {
  expect(readFileSync(join(copy, "deep/report"), "utf8")).toBe("report\n")
  expect(readFileSync(join(copy, "link"), "utf8")).toBe("report\n")
  expect(readFileSync(join(copy, "hard"), "utf8")).toBe("report\n")
  expect(readdirSync(copy).toSorted()).toEqual(["deep", "hard", "link", "x"])
  expect(lstatSync(join(copy, "x")).uid).toBe(process.getuid?.())
  expect(stderr).toMatch(/left out: out\/etc: a link that leads out of the copy, to \/etc\/passwd/)
  expect(stderr).toMatch(/left out: out\/up/)
  expect(stderr).toMatch(/left out: out\/pipe: a pipe is not copied/)
}

afterAll(async () => {
  for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout))
    await cli.run(["destroy", slug])
  cli.remove()
})

describeDocker("out of a docker bottle", () => {
  beforeAll(async () => {
    cli.write("bottles/plain.yaml", `image: ${await demoImageForTests()}\n`)
    cli.write("agents/maker.md", shellAgent(`${MAKES}; echo made; exec sleep 60`))
  })

  it("files come while it runs, when it has exited, and when it is frozen; a shell takes commands", async () => {
    const running = cli.start(["start", "maker", "--headless", "--prompt", "x"])
    await expect.poll(running.stdout).toContain("made")
    const slug = slugIn(running.stderr())

    const shell = await cli.run(["shell", slug], { input: "cat out/deep/report; id -u; exit 4\n" })
    expect([shell.stdout, shell.code]).toEqual(["report\n1000\n", 4])

    const first = await cli.run(["cp", `${slug}:out`, "one"])
    expect(first.code).toBe(0)
    looksRight(join(cli.cwd, "one"), first.stderr)

    writeFileSync(join(cli.cwd, "early.md"), "too early\n")
    expect(await cli.run(["cp", "early.md", `${slug}:`])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/whose agent has exited; bottle ".*" is running/),
    })

    await cli.run(["stop", slug])
    await running.result
    mkdirSync(join(cli.cwd, "into"))
    const second = await cli.run(["cp", `${slug}:/workspace/out`, "into"])
    looksRight(join(cli.cwd, "into/out"), second.stderr)

    await cli.run(["freeze", slug])
    const third = await cli.run(["cp", `${slug}:out`, "three"])
    looksRight(join(cli.cwd, "three"), third.stderr)
    const file = await cli.run(["cp", `${slug}:/etc/passwd`, "passwd"])
    expect([file.code, readFileSync(join(cli.cwd, "passwd"), "utf8").split(":")[0]]).toEqual([0, "root"])
    expect(docker("ps", "--all", "--format", "{{.Names}}")).not.toContain(slug)

    const again = await cli.run(["cp", `${slug}:out/x`, "passwd"])
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/passwd exists: remove it/)])
    const nothing = await cli.run(["cp", `${slug}:no/such/file`, "four"])
    expect([nothing.code, existsSync(join(cli.cwd, "four"))]).toEqual([125, false])
    expect(nothing.stderr).toMatch(/copy of ".*" failed/)
    expect((await cli.run(["shell", slug])).stderr).toMatch(/does not run \(frozen\)/)
  })

  it("a file goes in when it has exited, as its agent's, under its own name or another, and not through a link to the host", async () => {
    cli.write("agents/brief.md", shellAgent(MAKES))
    const { stderr } = await cli.run(["start", "brief", "--headless", "--prompt", "x"])
    const slug = slugIn(stderr)
    writeFileSync(join(cli.cwd, "note.md"), "do this next\n", { mode: 0o640 })
    for (const to of ["", "out/renamed.md", "out/up"]) {
      expect(await cli.run(["cp", "note.md", `${slug}:${to}`])).toMatchObject({
        code: 0,
        stderr: expect.stringContaining(`note.md is in bottle ${slug}`),
      })
    }
    expect(existsSync("/note.md")).toBe(false)
    const container = docker("ps", "--all", "--filter", `name=${slug}`, "--format", "{{.Names}}")
    for (const path of ["/workspace/note.md", "/workspace/out/renamed.md", "/note.md"]) {
      const tar = docker("cp", `${container}:${path}`, "-")
      expect(tar).toContain("do this next\n")
      // The owner is the agent: the uid in the tar's header, in octal.
      expect(Number.parseInt(tar.slice(108, 115), 8)).toBe(1000)
    }
    const nowhere = await cli.run(["cp", "note.md", `${slug}:no/such/folder/x`])
    expect([nowhere.code, nowhere.stderr]).toEqual([125, expect.stringMatching(/copy of ".*" failed/)])
  })
})

it("files come out of a bottle of the host, of its workspace alone; a shell it has none", async () => {
  cli.write("bottles/none.yaml", "backend: host\n")
  cli.write("agents/local.md", shellAgent(`${MAKES}; ln -s /etc way`, "none"))
  const { stderr } = await cli.run(["start", "local", "--headless", "--prompt", "x"])
  const slug = slugIn(stderr)
  const copied = await cli.run(["cp", `${slug}:out`, "host"])
  looksRight(join(cli.cwd, "host"), copied.stderr)
  expect((await cli.run(["cp", `${slug}:/etc/passwd`, "never"])).stderr).toMatch(
    /not in the bottle's \/workspace/,
  )
  const behind = await cli.run(["cp", `${slug}:way/passwd`, "never"])
  expect([behind.code, behind.stderr]).toEqual([125, expect.stringMatching(/behind a link that leads out/)])
  expect(existsSync(join(cli.cwd, "never"))).toBe(false)
  await cli.run(["freeze", slug])
  expect((await cli.run(["cp", `${slug}:out`, "frozen"])).code).toBe(0)
  expect(readFileSync(join(cli.cwd, "frozen/link"), "utf8")).toBe("report\n")
})

it("a source that names no bottle or no path is wrong usage", async () => {
  for (const source of ["nothing", "a-bottle:", ":path", "Not_A_Slug:path"]) {
    expect((await cli.run(["cp", source, "x"])).code).toBe(2)
  }
  expect((await cli.run(["cp", ".", "a-bottle:"])).stderr).toMatch(/\. is not a file/)
  expect((await cli.run(["cp", "no-such-bottle:path", "x"])).stderr).toMatch(/no bottle "no-such-bottle"/)
})
