/**
 * Runs before each test file. `layer` of `@effect/vitest` replaces methods of the one `it` that all files of a worker
 * share: without this, `it.effect` of a later file would run with the services of an earlier one.
 */
import { effect, flakyTest, it, layer, live, prop, scoped, scopedLive } from "@effect/vitest"

Object.assign(it, { effect, flakyTest, layer, live, prop, scoped, scopedLive })
