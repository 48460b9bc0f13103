/** bot-bottle/ProvingGround: what the probes of `verify` aim at, on this machine's loopback. */
export * from "../layers/ground/ProvingGround.ts"
export * as ProvingGround from "../layers/ground/ProvingGround.ts"
