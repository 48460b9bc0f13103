import { defineConfig } from "vitest/config"

/**
 * What takes more than about 40 s each: kills, floods, hostile packs, whole rounds with an engine, real agents, what an engine
 * enforces, and commands that are tried many times. `npm run test:long` runs them.
 */
const long = [
  "examples/extend/extend.test.ts",
  "test/faults/**/*.test.ts",
  "test/orchestrator/faults/{badDays,kills,outage}.test.ts",
  "test/orchestrator/ends/{engine,sidecar}.test.ts",
  "test/orchestrator/{endings,rules}.test.ts",
  "test/e2e/{agents,backup,build,copy,demo,demoEnds,deployKeys,egress,git,life,limits,operations,package,registries,terminal,upgrade,verify}.test.ts",
  "test/layers/*/{builds,faults,isolation,orphans,policy,replay,user}.test.ts",
  "test/layers/clone.test.ts",
  "test/bottle/{clone,enter,forwarder}.test.ts",
  "test/cli/{backup,badInput,completions,failedLaunch,hook,limits,orchestrate,otherBackend,planFirst,progress,provenance,serve,steer,terminalOutput,words}.test.ts",
  "test/dashboard/**/*.test.ts",
  "test/sidecar/{floods,fuzz}.test.ts",
  "test/sidecar/forge/openPr.test.ts",
  "test/sidecar/git/{approval,bases,doubt,hostile,isolation,killed,packs,reach,store,upstream}.test.ts",
  "test/sidecar/keys/deployKeys.test.ts",
]

/** Each project names it: one that the root named would run once more. */
const globalSetup = ["test/support/globalSetup.ts"]

export default defineConfig({
  test: {
    // Guards against what hangs: on a busy machine of two cores an engine takes long for what it does.
    testTimeout: 300_000,
    hookTimeout: 400_000,
    expect: { poll: { timeout: 120_000, interval: 100 } },
    // One more than CI has cores: much of a test waits for processes.
    maxWorkers: 3,
    // Engines on a shared CI machine stall at times: a test is tried once more there, and its line says so (retry x1).
    retry: process.env["CI_REQUIRE_DOCKER"] === "1" ? 1 : 0,
    projects: [
      {
        extends: true,
        test: {
          name: "short",
          globalSetup,
          include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: [...long, "**/node_modules/**"],
        },
      },
      { extends: true, test: { name: "long", globalSetup, include: long } },
    ],
  },
  resolve: {
    alias: [
      { find: /^bot-bottle$/, replacement: new URL("./src/index.ts", import.meta.url).pathname },
      { find: /^bot-bottle\/(.*)$/, replacement: new URL("./src/exports/$1.ts", import.meta.url).pathname },
    ],
  },
})
