// What is read and served while it is measured.
import { Redacted } from "effect"

/** An issue of the length that people write. */
export const issueOf = (number) => ({
  number,
  title: "The cellar door does not close",
  author: "ada",
  body: "It stands open by a thumb when it rains, and the frost gets at the apples. ".repeat(12),
})

/** None that a benchmark could meet. */
export const LIMITS = { connections: 1024, callRate: 1e6, logBytes: 1024 ** 3, comments: 1e6 }

/** A forge-targeted sidecar on the issue of `acme/tool`. */
export const sidecarConfig = (slug, apiUrl, issueNumber) => ({
  slug,
  limits: LIMITS,
  forge: {
    target: { kind: "gitea", apiUrl, owner: "acme", repo: "tool", token: Redacted.make(TOKEN) },
    assignment: { issueNumber },
  },
  push: [`bottle/${slug}`],
  routes: {},
  egress: { allow: [] },
  git: {},
  loopback: false,
})

/** The token of the simulated forge's bot. */
export const TOKEN = "0123456789abcdef0123456789abcdef01234567"

/** A forge with repositories `acme/tool1`, `acme/tool2`, ... and issues in each, all of the user `acme`; its bot may write to them. */
export const forgeSeed = (repositories, issues) => ({
  users: [{ login: "bot", token: TOKEN }, { login: "acme" }],
  orgs: [{ name: "bot-bottle", members: ["bot"] }],
  repos: Array.from({ length: repositories }, (_, at) => ({
    owner: "acme",
    name: `tool${at + 1}`,
    collaborators: { bot: "write" },
    issues: Array.from({ length: issues }, (_, number) => issueOf(number + 1)),
  })),
})
