import { expect, it } from "@effect/vitest"
import { canPinAddresses } from "../../src/domain/GitVersion.ts"

it("git can be held to an address since 2.37, however its version is told", () => {
  for (const said of [
    "git version 2.37.0",
    "git version 2.39.5 (Apple Git-154)",
    "git version 3.0",
    "git version 2.100.1\n",
  ])
    expect([said, canPinAddresses(said)]).toEqual([said, true])
  for (const said of ["git version 2.36.9", "git version 1.99", "", "2.39", "git version x"])
    expect([said, canPinAddresses(said)]).toEqual([said, false])
})
