/** The state of a simulated Gitea: plain mutable records that tests can seed, change and inspect. */
import { createHash, randomUUID } from "node:crypto"
import type { Happening } from "./happenings.ts"
import type {
  SimAttachment,
  SimComment,
  SimCommit,
  SimIssue,
  SimOrg,
  SimPull,
  SimRepo,
  SimUser,
} from "./records.ts"
import type { GiteaSeed, SeedAttachment, SeedIssue, SeedPull, SeedRepo, SimPermission } from "./seed.ts"

export type * from "./records.ts"

/** The whole state. Names are looked up case-insensitively, as in Gitea. */
export class GiteaState {
  readonly users: Array<SimUser> = []
  readonly orgs: Array<SimOrg> = []
  readonly repos: Array<SimRepo> = []
  /** Old `owner/name` in lower case, and the repository that had it. */
  readonly renamed = new Map<string, SimRepo>()
  /** Called with each event, after it happened. */
  readonly watchers = new Set<(happening: Happening) => void>()
  readonly contentVersions: boolean
  private readonly clock: () => number
  private lastId = 0

  constructor(seed: GiteaSeed) {
    this.contentVersions = seed.contentVersions ?? true
    this.clock = seed.now ?? Date.now
    for (const user of seed.users ?? []) {
      Object.assign(this.ensureUser(user.login), {
        token: user.token,
        scopes: user.scopes ?? ["all"],
        siteAdmin: user.siteAdmin ?? false,
      })
    }
    for (const org of seed.orgs ?? []) {
      const owners = org.owners ?? []
      const publicMembers = org.publicMembers ?? []
      const members = [...(org.members ?? []), ...owners, ...publicMembers]
      for (const login of members) this.ensureUser(login)
      this.orgs.push({
        id: this.nextId(),
        name: org.name,
        members: new Set(members.map(fold)),
        publicMembers: new Set(publicMembers.map(fold)),
        owners: new Set(owners.map(fold)),
        hooks: [],
        hidden: org.hidden ?? false,
      })
    }
    for (const repo of seed.repos ?? []) this.addRepo(repo)
  }

  /** The time of the server, ISO 8601 with whole seconds. */
  now(): string {
    return isoSeconds(new Date(this.clock()))
  }

  /** The time of the server in milliseconds. */
  millis(): number {
    return this.clock()
  }

  /** IDs are unique over all kinds, and only increase. */
  nextId(): number {
    this.lastId += 1
    return this.lastId
  }

  /** The user with that login, created if missing. */
  ensureUser(login: string): SimUser {
    const known = this.user(login)
    if (known !== undefined) return known
    const made: SimUser = { id: this.nextId(), login, token: undefined, scopes: ["all"], siteAdmin: false }
    this.users.push(made)
    return made
  }

  user(login: string): SimUser | undefined {
    return this.users.find((user) => fold(user.login) === fold(login))
  }

  userOfToken(token: string): SimUser | undefined {
    return this.users.find((user) => user.token !== undefined && user.token === token)
  }

  userById(id: number): SimUser | undefined {
    return this.users.find((user) => user.id === id)
  }

  org(name: string): SimOrg | undefined {
    return this.orgs.find((org) => fold(org.name) === fold(name))
  }

  repo(owner: string, name: string): SimRepo | undefined {
    return this.repos.find((repo) => fold(repo.owner) === fold(owner) && fold(repo.name) === fold(name))
  }

  repoById(id: number): SimRepo | undefined {
    return this.repos.find((repo) => repo.id === id)
  }

  /** An issue or a PR. */
  issue(owner: string, repo: string, number: number): SimIssue | undefined {
    return this.repo(owner, repo)?.issues.get(number)
  }

  addRepo(seed: SeedRepo): SimRepo {
    if (this.org(seed.owner) === undefined) this.ensureUser(seed.owner)
    const defaultBranch = seed.defaultBranch ?? "main"
    const repo: SimRepo = {
      id: this.nextId(),
      owner: seed.owner,
      name: seed.name,
      defaultBranch,
      branches: new Set([defaultBranch, ...(seed.branches ?? []), ...(seed.protectedBranches ?? [])]),
      protectedBranches: new Set(seed.protectedBranches),
      archived: seed.archived ?? false,
      private: seed.private ?? false,
      collaborators: new Map(
        Object.entries(seed.collaborators ?? {}).map(([login, may]) => [fold(login), may]),
      ),
      issues: new Map(),
      keys: [],
      files: new Map(Object.entries(seed.files ?? {})),
      hooks: [],
      heads: new Map(),
      commits: new Map(),
      statuses: new Map(),
      createdAt: this.now(),
    }
    for (const login of repo.collaborators.keys()) this.ensureUser(login)
    this.repos.push(repo)
    for (const issue of seed.issues ?? []) this.addIssue(repo, issue)
    for (const pull of seed.pulls ?? []) this.addPull(repo, pull)
    return repo
  }

  addIssue(repo: SimRepo, seed: SeedIssue, pull?: SimPull): SimIssue {
    const at = this.now()
    const issue: SimIssue = {
      id: this.nextId(),
      number: seed.number ?? Math.max(0, ...repo.issues.keys()) + 1,
      repo,
      authorId: this.ensureUser(seed.author ?? repo.owner).id,
      title: seed.title,
      body: seed.body ?? "",
      state: seed.state ?? "open",
      locked: seed.locked ?? false,
      labels: [...(seed.labels ?? [])],
      assignees: (seed.assignees ?? []).map((login) => this.ensureUser(login).login),
      contentVersion: 0,
      createdAt: at,
      updatedAt: seed.updatedAt ?? at,
      closedAt: seed.state === "closed" ? at : undefined,
      dueDate: undefined,
      comments: [],
      references: [],
      events: [],
      reactions: [],
      dependencies: new Set(),
      pull,
    }
    repo.issues.set(issue.number, issue)
    for (const comment of seed.comments ?? []) {
      const createdAt = comment.createdAt ?? at
      const authorId = this.ensureUser(comment.user).id
      issue.comments.push({
        id: this.nextId(),
        authorId,
        body: comment.body,
        createdAt,
        updatedAt: createdAt,
      })
    }
    return issue
  }

  addPull(repo: SimRepo, seed: SeedPull): SimIssue {
    const merged = seed.merged ?? false
    if (seed.headRepoId === undefined) repo.branches.add(seed.head)
    return this.addIssue(
      repo,
      { ...seed, state: merged ? "closed" : (seed.state ?? "open") },
      {
        head: seed.head,
        headRepoId: seed.headRepoId ?? repo.id,
        base: seed.base ?? repo.defaultBranch,
        mergedAt: merged ? this.now() : undefined,
        mergedById: merged ? this.ensureUser(repo.owner).id : undefined,
        mergeCommit: merged ? this.newCommit() : undefined,
        merging: "clean",
        reviewers: [],
        reviews: [],
      },
    )
  }

  /** Attaches a file to an issue or a comment. */
  attach(on: SimIssue | SimComment, { name, content }: SeedAttachment): SimAttachment {
    const made: SimAttachment = {
      id: this.nextId(),
      uuid: randomUUID(),
      name,
      content: typeof content === "string" ? Buffer.from(content) : content,
      createdAt: this.now(),
    }
    on.attachments = [...(on.attachments ?? []), made]
    return made
  }

  /** Notifies the watchers. */
  tell(happening: Happening): void {
    for (const watcher of this.watchers) watcher(happening)
  }

  /** A new commit ID. */
  newCommit(): string {
    return shaOf(`commit ${this.nextId()}`)
  }

  /** The commit at the head of a branch. */
  headOf(repo: SimRepo, branch: string): string {
    return repo.heads.get(branch) ?? shaOf(`${repo.id} ${branch}`)
  }

  /** The record of a commit. */
  commit(repo: SimRepo, sha: string): SimCommit {
    const unknown = { sha, message: "Base\n", authorId: this.ensureUser(repo.owner).id, at: repo.createdAt }
    return repo.commits.get(sha) ?? { ...unknown, added: [] }
  }

  /** Renames a repository: the old name redirects from now on. */
  renameRepo(repo: SimRepo, name: string): void {
    this.renamed.set(fold(`${repo.owner}/${repo.name}`), repo)
    repo.name = name
  }

  /** A user's permission on a repository. Owners of its organisation own it. */
  permission(repo: SimRepo, user: SimUser | undefined): SimPermission {
    const everyone = repo.private ? "none" : "read"
    if (user === undefined) return everyone
    const org = this.org(repo.owner)
    const owns = org === undefined ? fold(repo.owner) === fold(user.login) : org.owners.has(fold(user.login))
    if (owns) return "owner"
    if (user.siteAdmin) return "admin"
    return repo.collaborators.get(fold(user.login)) ?? everyone
  }
}

/** Names are compared case-insensitively. */
export const fold = (name: string): string => name.toLowerCase()

/** Gitea's times have whole seconds. */
export const isoSeconds = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, "Z")

/** Whether a permission includes writing. */
export const mayWrite = (permission: SimPermission): boolean =>
  permission === "write" || permission === "admin" || permission === "owner"

const shaOf = (text: string): string => createHash("sha1").update(text).digest("hex")
