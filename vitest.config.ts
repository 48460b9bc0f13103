import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    globalSetup: ["test/support/globalSetup.ts"],
    // Guards against what hangs: on a busy machine of two cores an engine takes long for what it does.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    // Engines on a shared CI machine stall at times: a test is tried once more there, and its line says so (retry x1).
    retry: process.env["CI_REQUIRE_DOCKER"] === "1" ? 1 : 0,
  },
  resolve: {
    alias: [
      { find: /^bot-bottle$/, replacement: new URL("./src/index.ts", import.meta.url).pathname },
      { find: /^bot-bottle\/(.*)$/, replacement: new URL("./src/exports/$1.ts", import.meta.url).pathname },
    ],
  },
})
