/** The sidecar process. It has its own bin because it must start fast and stay small. */
import { run } from "./main.ts"

export const start = (): void => run({})
