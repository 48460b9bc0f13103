import { Option } from "effect"
import { expect, it } from "vitest"
import { forgeAddress } from "../../src/domain/ForgeAddress.ts"

it("spellings of one forge's address have one form, and addresses of two keep two", () => {
  const same = "https://git.example/sub/api/v1"
  for (const spelling of [
    same,
    "HTTPS://GIT.Example/sub/api/v1",
    "https://git.example:443/sub/api/v1/",
    " https://git.example/sub/./api/v1// ",
  ]) {
    expect(forgeAddress(spelling), spelling).toEqual(Option.some(same))
  }
  expect(forgeAddress("http://[::1]:80/api/v1")).toEqual(Option.some("http://[::1]/api/v1"))
  for (const other of [
    "http://git.example/sub/api/v1",
    "https://git.example:8443/sub/api/v1",
    "https://git.example/Sub/api/v1",
    "https://git.example/api/v1",
  ]) {
    expect(forgeAddress(other), other).not.toEqual(Option.some(same))
    expect(Option.isSome(forgeAddress(other))).toBe(true)
  }
})

it("what is no forge's address, or would carry more than one, has none", () => {
  for (const text of [
    "",
    "git.example/api/v1",
    "ssh://git.example/api/v1",
    "https://ada@git.example/api/v1",
    "https://:secret@git.example/api/v1",
    "https://@git.example/api/v1",
    "https://git.example/api/v1?",
    "https://git.example/api/v1?token=secret",
    "https://git.example/api/v1#",
  ]) {
    expect(forgeAddress(text), text).toEqual(Option.none())
  }
})
