import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

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
  "test/layers/{docker/commandLine,podman/PodmanBackend,smolvm/SmolvmBackend}.test.ts",
  "test/layers/*/{builds,faults,isolation,orphans,policy,replay,service,user}.test.ts",
  "test/layers/clone.test.ts",
  "test/bottle/{clone,enter,forwarder}.test.ts",
  "test/cli/{backup,badInput,completions,failedLaunch,hook,limits,orchestrate,otherBackend,planFirst,progress,provenance,requests,serve,steer,terminalOutput,words}.test.ts",
  "test/dashboard/**/*.test.ts",
  "test/sidecar/{floods,fuzz}.test.ts",
  "test/sidecar/forge/openPr.test.ts",
  "test/sidecar/git/{approval,bases,doubt,hostile,isolation,killed,packs,reach,store,upstream}.test.ts",
  "test/sidecar/keys/deployKeys.test.ts",
]

/** What changes nothing in its process: these files share threads, which load the modules under test once. */
const unit = [
  "test/{domain,orchestrator,programs,services,simulator,testing}/**/*.test.ts",
  "test/layers/{gitea,manifests,providers}/**/*.test.ts",
  "test/layers/{stores,lifeStores}.test.ts",
  "test/sidecar/{forge,http,record,routes}/**/*.test.ts",
]
/** What takes longest begins first, so that no process works alone at the end. */
const slowest =
  /(faults.kill|e2e.verify|e2e.agents|faults.outage|ends.engine|e2e.terminal|podman.(policy|service)|sidecar.fuzz|e2e.life|faults.deployKeys|git.killed|git.packs|bottle.enter|Backend|docker.commandLine|docker.policy|faults.rounds|smolvm.policy|smolvm.replay|orchestrator.endings|e2e.git|orchestrator.rules|smolvm.user|docker.builds|faults.strangers|orchestrator.abuse)\.test\.ts$/
class SlowestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort(files)
    const isSlow = ({ moduleId }: TestSpecification) => slowest.test(moduleId)
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))]
  }
}

const elsewhere = "**/node_modules/**"

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
    // The threads of the project `unit` work beside the processes of the others. With a minimum of 0 one is ended when it is idle
    // for a moment, which tinypool takes for a failure.
    poolOptions: { threads: { isolate: false, minThreads: 2, maxThreads: 2 } },
    sequence: { sequencer: SlowestFirst },
    // Engines on a shared CI machine stall at times: a test is tried once more there, and its line says so (retry x1).
    retry: process.env["CI_REQUIRE_DOCKER"] === "1" ? 1 : 0,
    projects: [
      {
        extends: true,
        test: {
          name: "short",
          globalSetup,
          include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: [...long, ...unit, elsewhere],
        },
      },
      {
        extends: true,
        test: {
          name: "unit",
          globalSetup,
          pool: "threads",
          include: unit,
          exclude: [...long, elsewhere],
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
