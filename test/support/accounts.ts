/** Images whose account file makes root of other names, and what becomes of a bottle of each: refused, or a uid that is not 0 by the engine's own word. */
import { Effect, Either } from "effect"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { BottlePlan } from "../../src/domain/Bottle.ts"
import type { Backend } from "../../src/services/Backends.ts"
import { tempDir } from "./tempDir.ts"

/** The account file. */
export const PASSWD = [
  "root:x:0:0::/:/bin/sh",
  "agent:x:1000:1000::/:/bin/sh",
  "toor:x:0:0::/:/bin/sh",
  "zeros:x:00:0::/:/bin/sh",
  "hex:x:0x0:0::/:/bin/sh",
  "word:x:zero:0::/:/bin/sh",
  "twice:x:1000:1000::/:/bin/sh",
  "twice:x:0:0::/:/bin/sh",
  "late:x:0:0::/:/bin/sh",
  "late:x:1000:1000::/:/bin/sh",
  "1000:x:0:0::/:/bin/sh",
  "1e+21:x:0:0::/:/bin/sh",
  "",
].join("\n")

/** Users that are root in these images, or could be taken for it. */
export const ROOT_USERS = [
  "toor",
  "zeros",
  "hex",
  "word",
  "late",
  "00",
  "000:000",
  "00:1000",
  "000:agent",
  "+0",
  "0x0",
  "toor:1000",
  "toor:agent",
  "4294967296:1",
  "1000000000000000000000:1",
]
/** Users that are not, although another reader could think so. */
export const OTHER_USERS = ["agent", "twice", "1000:1000", "01000:01000", "1000:0"]

/** An image with those accounts, in the file itself or behind links. */
export const imageWithAccounts = Effect.fnUntraced(function* (
  run: (...args: ReadonlyArray<string>) => string,
  image: string,
  { linked = false, user = "agent" }: { readonly linked?: boolean; readonly user?: string } = {},
) {
  const dir = yield* tempDir
  mkdirSync(join(dir, "etc"))
  writeFileSync(join(dir, "etc", linked ? "accounts" : "passwd"), PASSWD)
  if (linked) {
    symlinkSync("/etc/accounts", join(dir, "etc/between"))
    symlinkSync("../etc/between", join(dir, "etc/passwd"))
  }
  const name = `accounts-${process.pid}-${Math.random().toString(36).slice(2)}`
  const made = `${image}-${name}`
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      run("create", "--name", name, "--network", "none", image, "none")
      run("cp", `${join(dir, "etc")}/.`, `${name}:/etc`)
      run("commit", "--change", `USER ${user}`, name, made)
      run("rm", "--force", name)
    }),
    () => Effect.sync(() => void run("image", "rm", "--force", made)),
  )
  return made
})

/** What a bottle's agent would be: `refused`, or the uid that the engine gives it. */
export const uidOf = Effect.fnUntraced(function* (
  run: (...args: ReadonlyArray<string>) => string,
  backend: Backend,
  plan: BottlePlan,
) {
  const made = yield* Effect.either(Effect.zipRight(backend.ensureImage(plan), backend.create(plan)))
  yield* backend.destroy(plan.slug)
  if (Either.isLeft(made)) return made.left._tag === "LaunchRefused" ? "refused" : made.left.message
  const { user } = made.right
  const shell = ["--entrypoint", "/bin/sh", plan.image, "-c", "id -u"]
  return run("run", "--rm", "--network", "none", "--user", user, ...shell)
})
