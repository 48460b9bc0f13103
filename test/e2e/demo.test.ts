/** The demo from its start to its end: what is on its forge then, and that nothing of it is left here. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Effect } from "effect"
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { play } from "../../src/cli/lazy/demo.ts"
import { ISSUES, makeDemoForge } from "../../src/cli/demo/demoForge.ts"
import { demoPlace } from "../../src/cli/demo/demoPlace.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { bin, makeCli } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"

/** All that a demo makes on disk lies here; sockets of its sidecars too. */
const place = mkdtempSync(join(tmpdir(), "bb-demo-"))
const leftHere = () => ({
  files: readdirSync(place),
  sockets: readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .filter((line) => line.includes(place)),
})
const nothing = { files: [], sockets: [] }

beforeAll(() => void vi.stubEnv("TMPDIR", place))
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(place, { recursive: true, force: true })
})

const text = (chunk: unknown): string =>
  typeof chunk === "string" ? chunk : Buffer.from(chunk as Uint8Array).toString("utf8")

/** What an effect writes on stdout, which is not shown. */
const printedBy = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const said: Array<string> = []
      const write = vi.spyOn(process.stdout, "write").mockImplementation((...[chunk, ...rest]) => {
        said.push(text(chunk))
        const done: unknown = rest.at(-1)
        if (typeof done === "function") done()
        return true
      })
      return { said, write }
    }),
    ({ said }) => Effect.map(effect, () => said.join("")),
    ({ write }) => Effect.sync(() => write.mockRestore()),
  )

describeDocker("the demo on a real engine", () => {
  it("ends with a merged pull request, main as it should be, and nothing left behind", async () => {
    const image = await demoImageForTests()
    const slug = await Effect.gen(function* () {
      const at = yield* demoPlace
      const forge = yield* makeDemoForge(at)
      const printed = yield* printedBy(
        play(at, forge, { backend: "docker", image, program: [process.execPath, bin] }),
      )
      const [pull, ...others] = forge.pulls()
      expect(others).toEqual([])
      const head = pull?.pull?.head ?? ""
      expect(head).toMatch(/^bot-bottle\/carpenter-[a-z2-7]{5}$/)
      expect(pull).toMatchObject({ title: "The door closes", state: "closed", pull: { base: "main" } })
      expect(pull?.body).toContain(`Closes #${ISSUES.door}`)
      expect(pull?.comments.map(({ body }) => body)).toEqual(["Oiled it."])
      expect(pull?.pull?.reviews).toMatchObject([{ body: "Good. One thing:" }])
      expect(forge.issue(ISSUES.door)).toMatchObject({ state: "closed", comments: [{}] })
      expect(forge.issue(ISSUES.trap)).toMatchObject({ state: "open", comments: [] })

      const commits = "First commit\nPlane a thumb off the door\nOil the hinge"
      expect(yield* forge.git("log", "--reverse", "--format=%s", "main")).toBe(commits)
      expect(yield* forge.git("log", "--reverse", "--format=%s", head)).toBe(commits)
      expect(yield* forge.git("for-each-ref", "--format=%(refname)")).toBe(
        `refs/heads/${head}\nrefs/heads/main`,
      )
      expect(yield* forge.git("show", "main:door.md")).toBe(
        "# The door\n\nWidth: 90 cm, as the frame\nHinge: oiled",
      )
      // Three commits with a tree each, three states of the door, and one README: nothing else has ever come there.
      const objects = yield* forge.git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
      expect(objects.split("\n")).toHaveLength(10)

      // The service was killed in between, and nobody took the webhook of the review.
      expect(printed.match(/service: serving/g)).toHaveLength(2)
      expect(printed).toContain("webhooks that nobody took: 1")
      expect(printed).toMatch(/#17: resumed bottle carpenter-[a-z2-7]{5}, run 2/)
      expect(printed).toContain("| Please oil the hinge too.")
      expect(printed).toMatch(/#17: destroyed/)
      expect(printed).toMatch(/remote: bot-bottle: refs\/heads\/main: this bottle may push/)
      expect(printed).toMatch(/remote: bot-bottle: deploy\.key:1: /)
      expect(printed).toContain("write to #17 denied")
      expect(printed).toContain("network interfaces: lo; tokens in my environment: 0")
      expect(printed).toMatch(/rejected refs\/heads\/main/)
      expect(printed).toContain("rejected secrets found")
      expect(printed).toContain("main on the forge is as it was")
      expect(printed).toMatch(/chain of apprentice-[a-z2-7]{5}: whole/)
      expect(printed).toContain("bottles left: 0")
      expect(printed).not.toContain("PRIVATE KEY")
      return head.slice("bot-bottle/".length)
    }).pipe(Effect.scoped, Effect.provide([NodeContext.layer, NodeProcessRunner.layer]), Effect.runPromise)
    expect(leftHere()).toEqual(nothing)
    expect(docker("ps", "--all", "--format", "{{.Names}}")).not.toContain(slug)
    expect(docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")).not.toContain(slug)
  })
})

describe("the demo without an engine", () => {
  const cli = makeCli()
  afterAll(() => cli.remove())
  const run = (env: Readonly<Record<string, string>>) =>
    cli.run(["demo"], { env: { TMPDIR: place, DOCKER_HOST: "unix:///nonexistent", ...env } })

  it("says that nothing is isolated, and is the same otherwise", async () => {
    const { code, stdout, stderr } = await run({})
    expect(stderr).toContain("no docker engine")
    expect(stdout).toContain("NO ISOLATION")
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toContain("pull request #19, open: The door closes")
    expect(stdout).toContain("rejected secrets found")
    expect(stdout).toContain("bottles left: 0")
    expect(stdout).toContain("What next:")
    expect(leftHere()).toEqual(nothing)
  })

  it("says so when there is no git", async () => {
    const { code, stdout, stderr } = await run({ PATH: "/nonexistent" })
    expect({ code, stdout }).toEqual({ code: 125, stdout: "" })
    expect(stderr).toMatch(/^bot-bottle: git: .*install git/)
    expect(leftHere()).toEqual(nothing)
  })
})
