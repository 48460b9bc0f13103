import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { chmodSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Resolver } from "../../../src/sidecar/outside/Resolver.ts"
import { type Ran, TOKEN, commit, forge, gate, git, ok, working } from "../../support/git.ts"
import { ask } from "../../support/packs.ts"
import { tempDir } from "../../support/tempDir.ts"

describe("an upstream", () => {
  it.scopedLive(
    "is read in parts: shallow, without blobs, one branch, with protocol version 0",
    () =>
      Effect.gen(function* () {
        const at = yield* forge
        yield* commit(at.seeded, { "big.bin": Buffer.alloc(200_000, 3) })
        yield* commit(at.seeded, { "last.txt": "last" })
        yield* ok(at.seeded, [
          "push",
          "-q",
          at.directory,
          "main",
          "HEAD:refs/heads/other",
          "HEAD~1:refs/tags/v1",
        ])
        const door = yield* gate(at)
        const shallow = yield* door.clone("shallow", ["--depth", "1"])
        expect(yield* ok(shallow, ["rev-list", "--count", "HEAD"])).toBe("1")
        yield* commit(shallow, { "from-shallow.txt": "x" })
        expect((yield* git(shallow, ["push", "origin", "HEAD"])).stderr).toContain("[new branch]")
        yield* ok(shallow, ["fetch", "-q", "--unshallow"])
        const partial = yield* door.clone("partial", ["--filter=blob:none", "--no-checkout"])
        expect(yield* ok(partial, ["show", "origin/main:last.txt"])).toBe("last")
        const version0 = ["-c", "protocol.version=0"]
        const old = yield* git(door.work, [...version0, "clone", "-q", "-b", "v1", door.url, "old"])
        expect(old.code).toBe(0)
        expect((yield* git(door.work, ["ls-remote", "--symref", door.url, "HEAD"])).stdout).toContain(
          "refs/heads/main",
        )
      }),
    180_000,
  )

  it.scopedLive(
    "that refuses is answered as git would, to fetches from what was fetched before too",
    () =>
      Effect.gen(function* () {
        const { at, door, here, push } = yield* working()
        yield* commit(here, { "a.txt": "a" })
        const told = (ran: Effect.Effect<Ran>) =>
          Effect.map(ran, ({ code, stderr }) => {
            expect(code).not.toBe(0)
            for (const hidden of [TOKEN, at.sim.url]) expect(stderr).not.toContain(hidden)
            return stderr
          })
        const fetch = git(here, ["fetch", "origin"])
        at.repo.archived = true
        expect(yield* told(push("HEAD"))).toContain("archived (HTTP 403)")
        at.repo.archived = false
        yield* at.repositories.protect("ada", "cellar", "main")
        const trusted = yield* gate(at, { git: { push: ["refs/heads/main"] } })
        const other = yield* trusted.clone()
        yield* commit(other, { "b.txt": "b" })
        const kept = yield* told(git(other, ["push", "origin", "HEAD:main"]))
        expect(kept).toContain("remote: Gitea: Not allowed to push to protected branch main")
        expect(kept).toContain("! [remote rejected] HEAD -> main (pre-receive hook declined)")
        at.repo.collaborators.clear()
        const none = "bot-bottle: the upstream has no such repository"
        expect(yield* told(fetch)).toContain(`remote error: ${none}`)
        // Asked past the advertisement, too.
        const listed = Buffer.from("0014command=ls-refs\n0000")
        expect(yield* ask(door.url, "git-upload-pack", listed)).toContain(`ERR ${none}`)
        expect(yield* told(push("HEAD"))).toContain(none)
        at.repositories.trouble = "down"
        expect(yield* told(fetch)).toContain("remote error: bot-bottle: the upstream")
        at.repositories.trouble = undefined
        at.repo.collaborators.set("bot", "write")
        expect((yield* push("HEAD")).code).toBe(0)
        expect(door.entries().filter(({ outcome }) => outcome === "failed").length).toBeGreaterThan(2)
      }),
    180_000,
  )

  it.scopedLive(
    "that says nothing is given up",
    () =>
      Effect.gen(function* () {
        const at = yield* forge
        const door = yield* gate(at, { times: { gitProgressMs: 700 } })
        at.repositories.trouble = "silent"
        const { stderr, code } = yield* git(door.work, ["clone", door.url, "x"])
        expect(code).not.toBe(0)
        expect(stderr).toContain("made no progress")
      }),
    180_000,
  )

  it.scopedLive(
    "whose branch has moved meanwhile is not overwritten",
    () =>
      Effect.gen(function* () {
        const { at, door, here, push } = yield* working()
        yield* commit(here, { "a.txt": "a" })
        expect((yield* push("HEAD")).code).toBe(0)
        const theirs = yield* commit(at.seeded, { "theirs.txt": "t" })
        yield* ok(at.seeded, ["push", "-q", "-f", at.directory, `HEAD:refs/heads/${door.branch}`])
        yield* commit(here, { "b.txt": "b" })
        const { stderr, code } = yield* push("HEAD")
        expect(code).not.toBe(0)
        expect(stderr).toContain("rejected")
        expect(yield* ok(at.directory, ["rev-parse", `refs/heads/${door.branch}`])).toBe(theirs)
      }),
    180_000,
  )

  it.scopedLive(
    "over ssh gets the key and the one host that were named, and nothing of the operator's",
    () =>
      Effect.gen(function* () {
        const at = yield* forge
        const bin = yield* tempDir
        writeFileSync(join(bin, "key"), "not a real key\n", { mode: 0o600 })
        // In place of ssh: notes its arguments, and does what the far side would do.
        writeFileSync(
          join(bin, "ssh"),
          `#!/bin/sh\nprintf '%s\\n' "$@" >> ${bin}/args\nfor last; do :; done\nexec sh -c "$(printf %s "$last" | sed "s#'/ada/cellar.git'#'${at.directory}'#")"\n`,
        )
        chmodSync(join(bin, "ssh"), 0o755)
        const before = process.env["PATH"] ?? ""
        yield* Effect.acquireRelease(
          Effect.sync(() => (process.env["PATH"] = `${bin}:${before}`)),
          () => Effect.sync(() => (process.env["PATH"] = before)),
        )
        const door = yield* gate(at, {
          git: {
            url: "git@forge.example.com:ada/cellar.git",
            credential: undefined,
            identityFile: join(bin, "key"),
            knownHost: "forge.example.com ssh-ed25519 AAAAC3",
          },
        }).pipe(Effect.provideService(Resolver, () => Effect.succeed(["127.0.0.1", "127.0.0.2"])))
        const here = yield* door.clone()
        yield* commit(here, { "a.txt": "a" })
        expect((yield* git(here, ["push", "origin", "HEAD"])).code).toBe(0)
        const args = readFileSync(join(bin, "args"), "utf8")
        expect(args).toContain(`-F\n/dev/null\n-i\n${join(bin, "key")}`)
        for (const option of [
          "HostName=127.0.0.1",
          "HostKeyAlias=forge.example.com",
          "IdentitiesOnly=yes",
          "IdentityAgent=none",
          "ForwardAgent=no",
          "StrictHostKeyChecking=yes",
          "BatchMode=yes",
        ])
          expect(args).toContain(`-o\n${option}\n`)
      }),
    180_000,
  )
})
