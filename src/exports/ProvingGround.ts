/** bot-bottle/ProvingGround: what the probes of `verify` aim at, on this machine's loopback. */
export * from "../testing/ground/ProvingGround.ts"
export * as ProvingGround from "../testing/ground/ProvingGround.ts"
