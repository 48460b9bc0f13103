import { defineConfig } from "vitest/config"

/** What takes minutes each: kills and floods, hostile packs, real agents, and what an engine enforces. `npm run test:long` runs them. */
const long = [
  "test/faults/**/*.test.ts",
  "test/orchestrator/faults/{kills,outage}.test.ts",
  "test/e2e/{agents,registries,verify}.test.ts",
  "test/layers/*/{builds,policy}.test.ts",
  "test/sidecar/{floods,fuzz}.test.ts",
  "test/sidecar/git/{hostile,killed,packs}.test.ts",
]

export default defineConfig({
  test: {
    globalSetup: ["test/support/globalSetup.ts"],
    // Guards against what hangs: on a busy machine of two cores an engine takes long for what it does.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    // Engines on a shared CI machine stall at times: a test is tried once more there, and its line says so (retry x1).
    retry: process.env["CI_REQUIRE_DOCKER"] === "1" ? 1 : 0,
    projects: [
      {
        extends: true,
        test: {
          name: "short",
          include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: [...long, "**/node_modules/**"],
        },
      },
      { extends: true, test: { name: "long", include: long } },
    ],
  },
  resolve: {
    alias: [
      { find: /^bot-bottle$/, replacement: new URL("./src/index.ts", import.meta.url).pathname },
      { find: /^bot-bottle\/(.*)$/, replacement: new URL("./src/exports/$1.ts", import.meta.url).pathname },
    ],
  },
})
