/** What git says of its talk with an upstream becomes one kind of a closed list, by git's own words alone. */
import { expect, it } from "@effect/vitest"
import { GitFailureKind, tookNothing } from "../../../src/sidecar/git/GitFailure.ts"
import { answersOf, failureOf } from "../../../src/sidecar/git/refusals.ts"

const URL_OF_IT = "https://git.example.org/ada/redirect-403.git"

it("git's words are a kind, with whether the upstream has taken anything", () => {
  const cases: ReadonlyArray<readonly [string, string, boolean]> = [
    [`fatal: unable to access '${URL_OF_IT}/': The requested URL returned error: 403`, "Forbidden", true],
    [`fatal: unable to access '${URL_OF_IT}/': The requested URL returned error: 404`, "NotFound", true],
    [`fatal: unable to access '${URL_OF_IT}/': The requested URL returned error: 413`, "Refused", true],
    ["error: RPC failed; HTTP 502 curl 22 The requested URL returned error: 502", "ServerError", false],
    [`fatal: Authentication failed for '${URL_OF_IT}/'`, "Unauthorized", true],
    ["git@git.example.org: Permission denied (publickey).", "KeyRefused", true],
    ["Host key verification failed.", "HostKey", true],
    [`fatal: repository '${URL_OF_IT}/' not found`, "NotFound", true],
    ["fatal: unable to update url base from redirection:", "Redirected", true],
    [
      `fatal: unable to access '${URL_OF_IT}/': Could not resolve host: git.example.org`,
      "Unreachable",
      false,
    ],
    [
      `fatal: unable to access '${URL_OF_IT}/': Failed to connect to git.example.org port 443`,
      "Unreachable",
      false,
    ],
    ["fatal: transport 'http' not allowed", "ProtocolRefused", true],
    ["fatal: unable to write loose object file: No space left on device", "NoRoom", false],
    ["send-pack: unexpected disconnect while reading sideband packet", "Unknown", false],
    ["", "Unknown", false],
  ]
  for (const [stderr, kind, nothing] of cases) {
    const failure = failureOf(stderr)
    expect([stderr, failure.kind, tookNothing(failure)]).toEqual([stderr, kind, nothing])
    expect(GitFailureKind.literals).toContain(failure.kind)
    expect(failure.reason).not.toContain("git.example.org")
  }
})

it("words of the upstream, addresses and names of refs decide nothing", () => {
  const remote = [
    "remote: returned error: 403",
    "remote: Host key verification failed",
    "remote:Permission denied (publickey).",
    "remote: Create a new pull request for 'fix-redirect':",
    "error: failed to push some refs to 'https://git.example.org/ada/redirect.git'",
  ]
  for (const separator of ["\n", "\r", "\r\n"])
    expect(failureOf(remote.join(separator))).toMatchObject({
      kind: "Unknown",
      reason: "the upstream could not be asked",
    })
})

it("the answer to each ref is read from the part of the line that is git's", () => {
  const porcelain = [
    "To https://git.example.org/ada/cellar.git",
    "*\taaaa:refs/heads/one\t[new branch]",
    " \taaaa:refs/heads/two\taaaa..bbbb",
    "!\taaaa:refs/heads/three\t[rejected] (stale info)",
    "!\taaaa:refs/heads/four\t[remote failure] (remote failed to report status)",
    "!\taaaa:refs/heads/five\t[remote rejected] (pre-receive hook declined)",
    "!\taaaa:refs/heads/six\t[remote rejected] (remote failed to report status)",
    "!\taaaa:refs/heads/seven\t[remote rejected] (stale info)",
    "Done",
  ].join("\n")
  expect([...answersOf(porcelain)]).toEqual([
    ["refs/heads/one", { kind: "Taken" }],
    ["refs/heads/two", { kind: "Taken" }],
    ["refs/heads/three", { kind: "Stale" }],
    ["refs/heads/four", { kind: "NoReport" }],
    ["refs/heads/five", { kind: "Refused", problem: "pre-receive hook declined" }],
    ["refs/heads/six", { kind: "Refused", problem: "remote failed to report status" }],
    ["refs/heads/seven", { kind: "Refused", problem: "stale info" }],
  ])
})
