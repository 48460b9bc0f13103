/** The examples of a deployment: what systemd, YAML and the documents say about them. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"

const folder = new URL("../../examples/deploy/", import.meta.url).pathname
const textOf = (name: string) => readFileSync(join(folder, name), "utf8")
const units = readdirSync(folder).filter((name) => /\.(service|timer)$/.test(name))
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0

describe("the units of systemd", () => {
  it("keep agents and sidecars when the service ends, and start it again when it fails", () => {
    expect(textOf("bot-bottle.service")).toMatch(/^KillMode=process$/m)
    expect(textOf("bot-bottle.service")).toMatch(/^Restart=on-failure$/m)
    expect(textOf("bot-bottle.service")).toMatch(/^LoadCredential=token:/m)
  })

  it.runIf(hasSystemd)(
    "are accepted by systemd, and its rating of their hardening does not get worse",
    () => {
      const place = mkdtempSync(join(tmpdir(), "bb-units-"))
      // A program that exists stands for ours, and root for the user.
      for (const name of units)
        writeFileSync(
          join(place, name),
          textOf(name)
            .replace(/^ExecStart=\S+.*$/m, "ExecStart=/bin/true")
            .replace(/^User=.*$/m, ""),
        )
      const files = units.map((name) => join(place, name))
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", ...files], { encoding: "utf8" })
      expect([status, stderr.split("\n").filter((line) => line.includes(place))]).toEqual([0, []])
      const rated = spawnSync(
        "systemd-analyze",
        ["security", "--offline=true", "--threshold=25", "--no-pager", join(folder, "bot-bottle.service")],
        { encoding: "utf8" },
      )
      expect([rated.status, rated.stdout.split("\n").findLast((line) => line.includes("Overall"))]).toEqual([
        0,
        expect.stringMatching(/OK/),
      ])
    },
  )
})

describe("the compose file", () => {
  it("mounts the home by the same path inside and outside, and binds nothing to an outside address", () => {
    const { services } = parse(textOf("compose.yaml"))
    expect(services["bot-bottle"].volumes).toContain("/var/lib/bot-bottle:/var/lib/bot-bottle")
    expect(services.gitea.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:/)])
    expect(textOf("Dockerfile")).toContain("BOT_BOTTLE_HOME=/var/lib/bot-bottle")
  })
})
