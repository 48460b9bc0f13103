import { expect, it } from "vitest"
import { missingContents, missingText } from "../../src/domain/RepositoryContents.ts"

it("a repository uses git-lfs when a line of its attributes says so, and has submodules when it names one", () => {
  const lfs = (attributes: string) => missingContents({ attributes, modules: "" })
  expect(lfs("*.bin filter=lfs diff=lfs merge=lfs -text\n")).toEqual(["git-lfs"])
  expect(lfs("* text=auto\r\n\t*.png\tdiff=lfs filter=lfs\r\n")).toEqual(["git-lfs"])
  for (const attributes of [
    "",
    "# *.bin filter=lfs\n",
    "*.bin filter=other\n",
    "*.bin -filter\n",
    "filter=lfs text\n",
    "*.x filter=lfsx",
  ])
    expect(lfs(attributes)).toEqual([])
  const modules = '[submodule "lib"]\n\tpath = lib\n\turl = https://git.example.com/ada/lib.git\n'
  expect(missingContents({ attributes: "", modules })).toEqual(["submodules"])
  expect(missingContents({ attributes: "", modules: "# [submodule]\n" })).toEqual([])
  expect(missingText(missingContents({ attributes: "*.bin filter=lfs", modules }))).toMatch(
    /pointers.*folders are empty/s,
  )
})
