/** bot-bottle/NodeProcessRunner: runs processes on this machine. */
export * from "../layers/process/NodeProcessRunner.ts"
export * as NodeProcessRunner from "../layers/process/NodeProcessRunner.ts"
