/** bot-bottle/testing: fakes for the tests of programs that use bot-bottle, and the Gitea simulator. */
export * as FakeBackend from "../testing/FakeBackend.ts"
export * as FakeForge from "../testing/FakeForge.ts"
export * as FakeSidecar from "../testing/FakeSidecar.ts"
export * as GiteaSimulator from "../simulator/GiteaSimulator.ts"
export * as GitServer from "../simulator/gitServer.ts"
export * as MemoryManifests from "../testing/MemoryManifests.ts"
