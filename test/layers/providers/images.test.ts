import { describe, expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const dockerfile = (agent: string) =>
  readFileSync(fileURLToPath(new URL(`../../../images/${agent}/Dockerfile`, import.meta.url)), "utf8")

describe.each(["claude", "codex", "pi"])("the image of %s", (agent) => {
  const lines = dockerfile(agent)
    .replaceAll(/\\\n/g, "")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
  const value = (instruction: string) =>
    lines
      .filter((line) => line.startsWith(`${instruction} `))
      .map((line) => line.slice(instruction.length + 1))

  it("has one version of its agent, and is told by its first lines how it is built", () => {
    expect(
      value("RUN")
        .join("\n")
        .match(/npm install --global \S+@\d+\.\d+\.\d+ /g)?.length,
    ).toBe(1)
    expect(dockerfile(agent)).toContain(`build: .../images/${agent}`)
  })

  it("is one that a bottle may have: an ordinary user at last, a workspace, no volume, no command of its own", () => {
    expect(value("USER")).toEqual(["node"])
    expect(value("WORKDIR")).toEqual(["/workspace"])
    expect(lines.filter((line) => /^(VOLUME|ENTRYPOINT|CMD|ENV|ARG|COPY|ADD) /.test(line))).toEqual([])
  })
})
