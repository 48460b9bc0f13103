import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { describeSmolvm } from "../../support/smolvm.ts"
import { smolPlan, smolWorld } from "../../support/smolvmWorld.ts"
import { tempDir } from "../../support/tempDir.ts"

const enter = new URL("../../../bottle/enter", import.meta.url).pathname

/** Who the agent is, and whether anything makes it root again. */
const WHO = `grep -E '^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status | tr -s '\\t ' ' '
env | grep -c BOT_BOTTLE_USER; touch here && echo wrote; chown 0:0 here 2>/dev/null || echo no chown
perl -e '$< = 0; $> = 0; print "$< $>\\n"' 2>/dev/null || true`
const AGENT = `Uid: 1000 1000 1000 1000
Gid: 1000 1000 1000 1000
Groups:( 1000)? ?
CapInh: 0+
CapPrm: 0+
CapEff: 0+
CapAmb: 0+
NoNewPrivs: 1
0
wrote
no chown
`
const work = { workdir: "/home/agent/work" }

describeSmolvm("the agent's user in a machine", () => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    const ways = [
      ["1.17.0", "perl", "by exec --user"],
      ["1.9.2", "perl", "by perl of the image"],
      ["1.9.2", "python3", "by python3 of the image"],
      ["1.9.2", "setpriv", "by setpriv of the image"],
    ] as const
    for (const [version, tool, how] of ways) {
      it.scoped(`is the manifest's and has nothing of root, ${how} (smolvm ${version})`, () =>
        Effect.gen(function* () {
          const tools = tool === "setpriv" ? (["socat"] as const) : [tool]
          const { begin, output, first } = yield* smolWorld({
            version,
            tools,
            ...(tool === "setpriv" && { setpriv: true }),
          })
          const plan = smolPlan(WHO, { ...work, user: tool === "perl" ? "agent" : "1000:1000" })
          expect((yield* begin(plan)).user).toBe("1000:1000")
          expect(yield* output(plan)).toMatch(new RegExp(`^${AGENT}${tool === "perl" ? "1000 1000\n" : ""}$`))
          expect(yield* first.wait(plan.slug)).toBe(0)
        }),
      )
    }

    it.scoped("is refused where the image has nothing to change it with, and no machine is left", () =>
      Effect.gen(function* () {
        const { smolvm, begin } = yield* smolWorld({ version: "1.9.2", tools: ["socat"] })
        const error = yield* Effect.flip(begin(smolPlan("true", work)))
        expect(error).toMatchObject({ _tag: "LaunchRefused" })
        expect(error.message).toContain("setpriv, perl or python3")
        expect(smolvm.run("machine", "ls", "--json").stdout).toBe("[]\n")
      }),
    )

    it.scoped(
      "is never root, whatever name root has",
      () =>
        Effect.forEach(["1.9.2", "1.17.0"], (version) =>
          Effect.gen(function* () {
            const { smolvm, begin } = yield* smolWorld({ version, passwd: "toor:x:0:0::/:/bin/sh\n" })
            const users = [
              "root",
              "0:0",
              "0",
              "000:1000",
              "toor",
              "toor:agent",
              "nobody-here",
              "4294967295:1000",
            ]
            for (const user of users) {
              const error = yield* Effect.flip(begin(smolPlan("true", { ...work, user })))
              expect([user, error._tag, error.message]).toEqual([
                user,
                "LaunchRefused",
                expect.stringMatching(/ is root, who | has no user /),
              ])
            }
            expect(smolvm.run("machine", "ls", "--json").stdout).toBe("[]\n")
          }),
        ),
      180_000,
    )

    it.scoped("is checked by bin/enter itself: smolvm that ignores --user runs no agent", () =>
      Effect.gen(function* () {
        const { smolvm, begin, output, first } = yield* smolWorld()
        const plan = smolPlan("echo the agent ran", work)
        smolvm.deafFrom("/run/bottle/bin/enter")
        yield* begin(plan)
        expect(yield* Effect.flip(first.wait(plan.slug))).toMatchObject({
          _tag: "BackendUnavailable",
          reason: "the agent would have the user 0, not 1000 alone",
        })
        expect(yield* output(plan)).not.toContain("the agent ran")
      }),
    )
  })
})

describeSmolvm("bin/enter", () => {
  layer(NodeProcessRunner.layer)((it) => {
    const drop = ["--reuid=1000", "--regid=1000", "--no-new-privs"]
    const all = ["--inh-caps=+chown", "--ambient-caps=+chown"]
    const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>, string, string]> = [
      ["the very user", [...drop, "--clear-groups"], "1000:1000", ""],
      ["the very user and its group", [...drop, "--groups=1000"], "1000:1000", ""],
      ["no user named", [], "", ""],
      ["root", ["--no-new-privs"], "1000:1000", "the agent would have the user 0, not 1000 alone"],
      [
        "another user",
        [...drop, "--clear-groups"],
        "1001:1000",
        "the agent would have the user 1000, not 1001 alone",
      ],
      [
        "another group",
        [...drop, "--clear-groups"],
        "1000:1001",
        "the agent would have the group 1000, not 1001 alone",
      ],
      [
        "a group of root",
        [...drop, "--groups=1000,0"],
        "1000:1000",
        "the agent would have the group 0, not 1000 alone",
      ],
      [
        "a real user alone",
        ["--euid=1000", "--regid=1000", "--no-new-privs", "--clear-groups"],
        "1000:1000",
        "the agent would have the user 0, not 1000 alone",
      ],
      [
        "a capability",
        [...drop, "--clear-groups", ...all],
        "1000:1000",
        "the agent would have capabilities (CapInh: 0000000000000001)",
      ],
      [
        "a way back by setuid programs",
        ["--reuid=1000", "--regid=1000", "--clear-groups"],
        "1000:1000",
        "the agent could become another user: NoNewPrivs is not set",
      ],
    ]
    for (const [what, options, user, cause] of cases) {
      it.scoped(`${cause === "" ? "starts" : "does not start"} an agent with ${what}`, () =>
        Effect.gen(function* () {
          const root = yield* tempDir
          mkdirSync(join(root, "bin"))
          writeFileSync(join(root, "bin", "enter"), spawnSync("cat", [enter]).stdout, { mode: 0o755 })
          for (const [name, text] of [
            ["env", ""],
            ["loopback", ""],
            ["argv", "set -- /bin/sh -c 'echo ran; env'\n"],
          ] as const)
            writeFileSync(join(root, name), text)
          spawnSync("chmod", ["-R", "a+rX", root])
          const { stdout, stderr, status } = spawnSync(
            "setpriv",
            [...options, "sh", join(root, "bin", "enter")],
            {
              encoding: "utf8",
              env: { PATH: process.env["PATH"] ?? "", BOT_BOTTLE_LOOPBACK: "1", BOT_BOTTLE_USER: user },
            },
          )
          if (cause === "") {
            expect(stderr).toBe("")
            expect(stdout).toMatch(/^ran\n/)
            expect(stdout).not.toMatch(/BOT_BOTTLE_USER=./)
          } else {
            expect([status, stdout, stderr]).toEqual([125, "", `bot-bottle-enter: ${cause}\n`])
          }
        }),
      )
    }
  })
})
