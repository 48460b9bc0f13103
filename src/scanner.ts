/** The scanner process. It has its own bin so that the sidecar stays small, and survives a text that makes a rule crash or hang. */
import { runMain } from "@effect/platform-node/NodeRuntime"
import { main } from "./layers/scanner/child.ts"

runMain(main)
