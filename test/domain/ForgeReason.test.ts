/** What a status means is decided once, for every status there can be. */
import { expect, it } from "@effect/vitest"
import { ForgeReason, reasonOfStatus, saidNo } from "../../src/domain/ForgeReason.ts"

it("every status has one reason of the closed list", () => {
  const known: Readonly<Record<number, string>> = {
    0: "Unreachable",
    200: "Unexpected",
    301: "Moved",
    303: "Undecidable",
    307: "Moved",
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    412: "Precondition",
    418: "Refused",
    422: "Invalid",
    423: "Locked",
    429: "RateLimited",
    500: "ServerError",
    503: "ServerError",
  }
  for (const [status, reason] of Object.entries(known)) expect(reasonOfStatus(Number(status))).toBe(reason)
  for (let status = 0; status < 700; status++) expect(ForgeReason.literals).toContain(reasonOfStatus(status))
})

it("a request was refused exactly when the forge answered 4xx", () => {
  for (let status = 0; status < 700; status++)
    expect([status, saidNo(reasonOfStatus(status))]).toEqual([status, status >= 400 && status < 500])
})
