/** bot-bottle/NodeProcessRunner: processes of this machine. */
export * from "../layers/process/NodeProcessRunner.ts"
export * as NodeProcessRunner from "../layers/process/NodeProcessRunner.ts"
