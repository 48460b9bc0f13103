/** bot-bottle/testing: fakes and the Gitea simulator, for tests of programs that use bot-bottle. */
export * as FakeBackend from "../testing/FakeBackend.ts"
export * as FakeForge from "../testing/FakeForge.ts"
export * as FakeSidecar from "../testing/FakeSidecar.ts"
export * as GiteaSimulator from "../simulator/GiteaSimulator.ts"
export * as GitServer from "../simulator/gitServer.ts"
export * as MemoryManifests from "../testing/MemoryManifests.ts"
