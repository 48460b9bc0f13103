/** The scanner process: a bin of its own, so that the sidecar stays small and outlives whatever a text does to a rule. */
import { runMain } from "@effect/platform-node/NodeRuntime"
import { main } from "./layers/scanner/child.ts"

runMain(main)
