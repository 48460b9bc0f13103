/** The sidecar process: a bin of its own, because it must start fast and stay small. */
import { run } from "./main.ts"

run({})
