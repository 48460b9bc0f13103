/** bot-bottle/ProvingGround: the targets of `verify`'s probes, on the loopback interface of this machine. */
export * from "../layers/ground/ProvingGround.ts"
export * as ProvingGround from "../layers/ground/ProvingGround.ts"
