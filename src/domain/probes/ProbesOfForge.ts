/** Probes of writes: forge writes outside the run's scope, and pushes against the bottle's policy. */
import { asText, joined, pktLine, text } from "../probeMachine/ProbeBytes.ts"
import type { Outside, Probe, Verdict } from "./Probe.ts"
import type { GitPush, ProbeGround } from "./ProbeGround.ts"
import type { Outcome, Step } from "../probeMachine/ProbeMachine.ts"
import { askNeck, shownBy } from "../probeMachine/ProbeSteps.ts"
import { statusOf } from "./ProbesOfNeck.ts"

const JSON_TYPE = { "content-type": "application/json" }

/** A request to `/rpc`. */
export const rpc = (body: unknown): ReadonlyArray<Step> =>
  askNeck("POST /rpc", JSON_TYPE, text(JSON.stringify(body)))

const notification = (method: string, params: unknown) => ({ jsonrpc: "2.0", method, params })

const request = (method: string, params: unknown, id = 1) => ({ ...notification(method, params), id })

/** A write that reached the forge and is not one of the run's own. */
const strayWrite = ({ forge }: ProbeGround, { forgeWrites }: Outside): string | undefined =>
  forgeWrites.find((line) => !new RegExp(` /repos/[^/]+/[^/]+/issues/${forge.issue}/comments$`).test(line))

/** The error codes in a response, or its other content. */
const saidBy = (outcomes: ReadonlyArray<Outcome>): string => {
  const answer = asText(shownBy(outcomes))
  const codes = [...answer.matchAll(/"code":(-\d+)/g)].map(([, code]) => code)
  if (codes.length > 0) return codes.join(", ")
  if (/"isError":true/.test(answer)) return "an error of the tool"
  if (/"result":/.test(answer)) return "done"
  return `HTTP ${statusOf(outcomes)}`
}

const writes = (
  ground: ProbeGround,
  name: string,
  steps: ReadonlyArray<Step>,
  fine: ReadonlyArray<string> = ["-32001"],
): Probe => ({
  class: "forge",
  name,
  expected: "refused, and nothing written",
  steps,
  judge: (outcomes, outside) => {
    const stray = strayWrite(ground, outside)
    const seen = saidBy(outcomes)
    return stray === undefined
      ? { ok: fine.includes(seen), seen }
      : { ok: false, seen: `${seen}; the forge took ${stray}` }
  },
})

const done = (
  name: string,
  steps: ReadonlyArray<Step>,
  seenOutside: (outside: Outside) => boolean,
): Probe => ({
  class: "forge",
  name,
  expected: "done",
  steps,
  judge: (outcomes, outside) => {
    const seen = saidBy(outcomes)
    return { ok: seen === "done" && seenOutside(outside), seen }
  },
})

/** Texts on which a forge acts when they are posted or merged: see {@link closingReferenceOutside}. */
const closingTexts = (other: number): Readonly<Record<string, string>> => ({
  "closes another issue": `closes #${other}`,
  "closes another issue, by a letter that folds": `Clo\u017fes #${other}`,
  "closes another issue, with zeros before its number": `closes #${"0".repeat(40)}${other}`,
  "closes another issue, by an address without a host": `closes <scheme:////ada/cellar/issues/${other}>`,
  "closes another issue, across a line break": `clo\\\nses #${other}`,
  "closes another repository's issue": `closes eve/other#${other}`,
  "logs time on another issue": `#${other} @1h30m`,
})

/** What an agent can ask the forge through its neck. */
export const forgeProbes = (ground: ProbeGround): ReadonlyArray<Probe> => {
  const { issue, other, strangersPr } = ground.forge
  const attempt = (name: string, method: string, params: unknown, fine?: ReadonlyArray<string>) =>
    writes(ground, name, rpc(request(method, params)), fine)
  const body = "From a probe of bot-bottle verify."
  const tool = { name: "post_comment", arguments: { number: other, body } }
  return [
    done("reading the run's issue", rpc(request("read_issue", { number: issue })), () => true),
    done(
      "a comment on the run's issue",
      rpc(request("post_comment", { number: issue, body })),
      ({ forgeWrites }) => forgeWrites.length > 0,
    ),
    attempt("a comment on another issue", "post_comment", { number: other, body }),
    attempt("the description of another issue", "update_description", { number: other, body }),
    attempt("a comment on a stranger's pull request", "post_comment", { number: strangersPr, body }),
    attempt("the description of a stranger's pull request", "update_description", {
      number: strangersPr,
      body,
    }),
    ...Object.entries(closingTexts(other)).flatMap(([name, closing]) => [
      attempt(`a comment that ${name}`, "post_comment", { number: issue, body: closing }),
      attempt(`a description that ${name}`, "update_description", { number: issue, body: closing }),
    ]),
    attempt("a pull request of main", "open_pr", { title: "t", body, head: "main" }, ["-32001", "-32602"]),
    attempt(
      "a pull request of another bottle's branch",
      "open_pr",
      { title: "t", body, head: "bot-bottle/other" },
      ["-32001", "-32602"],
    ),
    attempt("a number that is no number", "post_comment", { number: String(other), body }, ["-32602"]),
    attempt("another repository", "post_comment", { number: issue, body, repo: "other" }, ["-32602"]),
    attempt("a method that there is not", "delete_issue", { number: other }, ["-32601"]),
    writes(ground, "a write as a notification", rpc(notification("post_comment", { number: other, body })), [
      "HTTP 200",
      "HTTP 202",
      "HTTP 204",
    ]),
    writes(
      ground,
      "a write within a batch",
      rpc([request("read_issue", { number: issue }), request("post_comment", { number: other, body }, 2)]),
    ),
    writes(
      ground,
      "a write as plain text",
      askNeck(`POST /forge/post-comment?number=${other}`, {}, text(body)),
      ["HTTP 403"],
    ),
    writes(
      ground,
      "a write as a tool (MCP)",
      askNeck(
        "POST /mcp",
        { ...JSON_TYPE, accept: "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18" },
        text(JSON.stringify(request("tools/call", tool))),
      ),
      ["an error of the tool", "-32001"],
    ),
    writes(ground, "the forge's own API, through the neck", askNeck(`GET ${ground.forge.api.repository}`), [
      "HTTP 404",
    ]),
  ]
}

const NO_OBJECT = "0".repeat(40)

/** An empty pack, and its SHA-1: for a push of objects that the upstream already has. */
const EMPTY_PACK = Uint8Array.from(
  "5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e".match(/../g) ?? [],
  (byte) => Number.parseInt(byte, 16),
)

/** One ref of a push. It is new and sends no objects, unless given otherwise. */
export interface Update {
  readonly ref: string
  readonly old?: string
  readonly to: string
  readonly pack?: Uint8Array
}

const push = (name: string, { ref, old = NO_OBJECT, to, pack = EMPTY_PACK }: Update): ReadonlyArray<Step> =>
  askNeck(
    `POST /git/${name}.git/git-receive-pack`,
    { "content-type": "application/x-git-receive-pack-request" },
    joined([
      pktLine(`${old} ${to} ${ref}\0report-status agent=bot-bottle-verify`),
      text("0000"),
      ...(to === NO_OBJECT ? [] : [pack]),
    ]),
  )

/** Git's report about a ref. */
const reportOf = (outcomes: ReadonlyArray<Outcome>): string => {
  const answer = asText(shownBy(outcomes))
  const [, word, reason] = /(ok|ng) refs\/\S+(?: ([^\n]*))?/.exec(answer) ?? []
  return word === "ok" ? "taken" : word === "ng" ? `refused: ${reason}` : `HTTP ${statusOf(outcomes)}`
}

/** The upstream's refs are unchanged, except for the bottle's own branches. */
const strayRef = ({ git, slug }: ProbeGround, { refs }: Outside): string | undefined =>
  refs["refs/heads/main"] === git.head
    ? Object.keys(refs).find(
        (ref) => ref !== "refs/heads/main" && !ref.startsWith(`refs/heads/bot-bottle/${slug}/`),
      )
    : "refs/heads/main"

/** Makes a probe of a push that must be refused, from its name and what is pushed. */
export const deniedPush =
  (ground: ProbeGround) =>
  (name: string, update: Update): Probe => ({
    class: "git",
    name,
    expected: "refused, and the upstream as it was",
    steps: push(ground.git.name, update),
    judge: (outcomes, outside) => judgePush(ground, outcomes, outside, update.ref),
  })

const judgePush = (
  ground: ProbeGround,
  outcomes: ReadonlyArray<Outcome>,
  outside: Outside,
  ref: string,
): Verdict => {
  const made = ref !== "refs/heads/main" && outside.refs[ref] !== undefined ? ref : undefined
  const stray = made ?? strayRef(ground, outside)
  const seen = reportOf(outcomes)
  return stray === undefined
    ? { ok: /^refused|^HTTP 4/.test(seen), seen: seen.slice(0, 60) }
    : { ok: false, seen: `${seen.slice(0, 60)}; the upstream's ${stray} changed` }
}

/** A branch that the bottle may push in this round. */
export const branchOf = ({ slug, round }: ProbeGround): string =>
  `refs/heads/bot-bottle/${slug}/round-${round}`

/** Pushes through the git gate. */
export const gitProbes = (ground: ProbeGround): ReadonlyArray<Probe> => {
  const { git, slug } = ground
  const branch = branchOf(ground)
  const denied = deniedPush(ground)
  const commit = ({ commit, pack }: GitPush) => ({ to: commit, pack })
  return [
    {
      class: "git",
      name: "a fetch of the bottle's repository",
      expected: "its refs",
      steps: askNeck(`GET /git/${git.name}.git/info/refs?service=git-upload-pack`),
      judge: (outcomes) => {
        const found = asText(shownBy(outcomes)).includes(git.head)
        return { ok: found, seen: found ? "its refs" : `HTTP ${statusOf(outcomes)}` }
      },
    },
    {
      class: "git",
      name: "a push to the bottle's own branch",
      expected: "taken",
      steps: push(git.name, { ref: branch, ...commit(git.good) }),
      judge: (outcomes, { refs }) => {
        const seen = reportOf(outcomes)
        return { ok: seen === "taken" && refs[branch] === git.good.commit, seen: seen.slice(0, 60) }
      },
    },
    denied("a push to main", { ref: "refs/heads/main", old: git.head, ...commit(git.good) }),
    denied("a push that removes main", { ref: "refs/heads/main", old: git.head, to: NO_OBJECT }),
    denied("a push to another bottle's branch", { ref: "refs/heads/bot-bottle/other", to: git.head }),
    denied("a push to a branch whose name begins as the bottle's", {
      ref: `refs/heads/bot-bottle/${slug}-more`,
      to: git.head,
    }),
    denied("a push of a tag", { ref: "refs/tags/verify", to: git.head }),
    denied("a push to a ref of no kind", { ref: "refs/verify/x", to: git.head }),
    denied("a push of a workflow of the forge's CI", { ref: `${branch}-ci`, ...commit(git.bad) }),
    {
      class: "git",
      name: "a repository that the bottle does not have",
      expected: "refused",
      steps: askNeck("GET /git/other.git/info/refs?service=git-upload-pack"),
      judge: (outcomes) => ({
        ok: statusOf(outcomes) >= 400,
        seen: `HTTP ${statusOf(outcomes)}`,
      }),
    },
    {
      class: "git",
      name: "a repository elsewhere on this machine",
      expected: "refused",
      steps: askNeck(`GET /git/..%2f..%2f${git.name}.git/info/refs?service=git-upload-pack`),
      judge: (outcomes) => ({
        ok: statusOf(outcomes) >= 400,
        seen: `HTTP ${statusOf(outcomes)}`,
      }),
    },
  ]
}
