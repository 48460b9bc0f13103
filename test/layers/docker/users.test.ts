/** Whom the spelling of a user and the account files make of an agent. */
import { describe, expect, it } from "vitest"
import { isRoot, namesRoot, numericUser, resolveUser } from "../../../src/layers/docker/users.ts"
import { OTHER_USERS, PASSWD, ROOT_USERS } from "../../support/accounts.ts"

const GROUP = "root:x:0:\nagent:x:1000:\n"
const userOf = (user: string) => numericUser(user) ?? resolveUser(user, PASSWD, GROUP)

describe("a user of an image", () => {
  it.each(ROOT_USERS)(
    "that is or could be root, %s, is known as root or as nobody, and does not name root",
    (user) => {
      const found = userOf(user)
      expect(found === undefined || isRoot(found)).toBe(true)
      expect(namesRoot(user)).toBe(false)
    },
  )

  it.each(OTHER_USERS)("that is not root, %s, has its numbers as the kernel writes them", (user) => {
    expect(userOf(user)).toMatch(/^1000:(?:0|1000)$/)
  })

  it("is not looked for in the header of the tar that its file comes in", () => {
    expect(resolveUser("root", `passwd\0root\0root\0${PASSWD}`, GROUP)).toBe("0:0")
  })

  it("is named as root by root and 0 alone", () => {
    expect(["root", "0", "0:0", "root:agent", "0:1000"].every(namesRoot)).toBe(true)
    expect(["roots", "00", "0x0", "ROOT", "toor", "1000:0", ""].some(namesRoot)).toBe(false)
  })
})
