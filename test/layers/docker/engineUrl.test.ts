import { describe, expect, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { dockerUrl } from "../../../src/layers/docker/engineUrl.ts"

const USUAL = { url: "unix:///var/run/docker.sock" }
const ASKED = { ask: ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"] }

const configured = (configuration: string, env: Readonly<Record<string, string>> = {}) => {
  const directory = mkdtempSync(join(tmpdir(), "engine-url-"))
  try {
    writeFileSync(join(directory, "config.json"), configuration)
    return dockerUrl({ DOCKER_CONFIG: directory, ...env })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

describe("dockerUrl", () => {
  it("is DOCKER_HOST first, then a context, then the usual socket", () => {
    const chosen = JSON.stringify({ currentContext: "rootless" })
    const host = { DOCKER_HOST: "unix:///run/user/1000/docker.sock", DOCKER_CONTEXT: "other" }
    expect(configured(chosen, host)).toEqual({ url: "unix:///run/user/1000/docker.sock" })
    expect(configured(chosen)).toEqual(ASKED)
    expect(configured("{}", { DOCKER_CONTEXT: "other" })).toEqual(ASKED)
    expect(configured(chosen, { DOCKER_CONTEXT: "default" })).toEqual(USUAL)
    expect(configured(JSON.stringify({ currentContext: "default" }))).toEqual(USUAL)
  })

  it("is the usual socket without a configuration that can be read", () => {
    for (const bad of ["", "[]", "no json", '{"auths": {}}']) expect(configured(bad)).toEqual(USUAL)
    expect(dockerUrl({ HOME: "/nonexistent" })).toEqual(USUAL)
  })
})
