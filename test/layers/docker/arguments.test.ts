import { expect, it } from "@effect/vitest"
import { docker } from "../../../src/layers/docker/dialect.ts"
import { createArguments } from "../../../src/layers/docker/createArguments.ts"
import { naming } from "../../../src/layers/docker/naming.ts"
import { seccompProfile } from "../../../src/layers/docker/seccomp.ts"
import { isRoot, resolveUser } from "../../../src/layers/docker/users.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { shellPlan } from "../../support/docker.ts"

const input = {
  name: "n",
  labels: {},
  image: "sha256:1",
  user: "1:1",
  seccomp: "/s.json",
  neck: '/a,"b"/neck',
  extra: [],
}

it("nothing that belongs to a run is in the arguments of create", () => {
  const plan = shellPlan("a-bcdef", "i", "secret-argv", { prompt: "secret-prompt", env: { K: "secret-env" } })
  const args = createArguments(plan, input)
  expect(args.join(" ")).not.toContain("secret")
  expect(args).not.toContain("--tty")
  expect(createArguments({ ...plan, interactive: true }, input)).toContain("--tty")
})

it("a path with a comma or a quote stays one field of --mount", () => {
  const args = createArguments(shellPlan("a-bcdef", "i", "true"), input)
  expect(args).toContain('type=bind,"source=/a,""b""/neck",target=/run/bottle,readonly')
})

it("users are resolved by the image's own files", () => {
  const passwd = "root:x:0:0::/root:/bin/sh\nagent:x:1000:1001::/home:/bin/sh\ntoor:x:0:0::/:/bin/sh\n"
  const group = "staff:x:50:\n"
  expect(resolveUser("agent", passwd, group)).toBe("1000:1001")
  expect(resolveUser("1000", passwd, group)).toBe("1000:1001")
  expect(resolveUser("2000", passwd, group)).toBe("2000:2000")
  expect(resolveUser("agent:staff", passwd, group)).toBe("1000:50")
  expect(resolveUser("agent:7", passwd, group)).toBe("1000:7")
  expect(resolveUser("nobody-here", passwd, group)).toBeUndefined()
  expect(resolveUser("agent:nogroup", passwd, group)).toBeUndefined()
  expect(isRoot(resolveUser("toor", passwd, group) ?? "")).toBe(true)
})

it("two installations share no name, and a slug that is the beginning of another has no artifact of it", () => {
  const [one, two] = [naming("11111111-0000"), naming("22222222-0000")]
  const [short, long] = [Slug.make("a"), Slug.make("a-b")]
  expect(one.container(short)).not.toBe(two.container(short))
  expect(one.isArtifact(short, one.artifact(long, 1))).toBe(false)
  expect(one.isArtifact(short, two.artifact(short, 1))).toBe(false)
  expect(one.isArtifact(short, one.artifact(short, 12))).toBe(true)
})

it("no system call is both allowed without conditions and restricted", () => {
  const free = new Set(seccompProfile.syscalls[0]?.names)
  const restricted = seccompProfile.syscalls.slice(1).flatMap(({ names }) => names)
  expect(restricted.filter((name) => free.has(name))).toEqual([])
  for (const name of [
    "unshare",
    "setns",
    "mount",
    "bpf",
    "ptrace",
    "keyctl",
    "io_uring_setup",
    "pidfd_getfd",
  ]) {
    expect(free.has(name)).toBe(false)
  }
})

it("an engine that does not see our files is told as such", () => {
  const said = `Error response from daemon: invalid mount config for type "bind": bind source path does not exist: /home/me/.bot-bottle/run/abcde/neck`
  expect(docker.trouble(said)).toContain("cannot mount the neck")
})
