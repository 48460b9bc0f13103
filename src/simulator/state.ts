/** The state of a simulated Gitea: plain mutable records that tests may seed, change and look at. */
import type { GiteaSeed, SeedIssue, SeedPull, SeedRepo, SimPermission } from "./seed.ts"

/** A user. */
export interface SimUser {
  readonly id: number
  readonly login: string
  token: string | undefined
  scopes: ReadonlyArray<string>
  siteAdmin: boolean
}

/** An org; sets hold logins in lower case. */
export interface SimOrg {
  readonly id: number
  readonly name: string
  readonly members: Set<string>
  readonly publicMembers: Set<string>
  readonly owners: Set<string>
  hidden: boolean
}

/** A comment. Times are ISO 8601 with whole seconds. */
export interface SimComment {
  readonly id: number
  readonly authorId: number
  body: string
  readonly createdAt: string
  updatedAt: string
}

/** That a text somewhere names this issue; `neutered` when the text no longer does. */
export interface SimReference {
  readonly id: number
  readonly type: "issue_ref" | "pull_ref" | "comment_ref"
  readonly actorId: number
  readonly from: SimIssue
  readonly comment: SimComment | undefined
  action: "none" | "closes" | "reopens" | "neutered"
  readonly createdAt: string
}

/** A change of an issue that its timeline shows. */
export interface SimEvent {
  readonly id: number
  readonly type: "label" | "assignees" | "close" | "reopen" | "merge_pull"
  readonly actorId: number
  readonly createdAt: string
  readonly label?: string
  readonly assignee?: string
  /** Whether the label or the assignee was taken away. */
  readonly removed: boolean
}

/** What a PR has besides an issue. */
export interface SimPull {
  readonly head: string
  headRepoId: number
  readonly base: string
  mergedAt: string | undefined
  mergedById: number | undefined
  /** Logins of who was asked for a review. */
  readonly reviewers: Array<string>
  /** How many comments reviews have made on lines. */
  reviewComments: number
}

/** An issue, or a PR when `pull` is there. */
export interface SimIssue {
  readonly id: number
  readonly number: number
  readonly repo: SimRepo
  readonly authorId: number
  title: string
  body: string
  state: "open" | "closed"
  locked: boolean
  labels: Array<string>
  assignees: Array<string>
  contentVersion: number
  readonly createdAt: string
  updatedAt: string
  closedAt: string | undefined
  /** ISO 8601. */
  dueDate: string | undefined
  readonly comments: Array<SimComment>
  readonly references: Array<SimReference>
  readonly events: Array<SimEvent>
  readonly pull: SimPull | undefined
}

/** A deploy key; `content` has no comment. */
export interface SimKey {
  readonly id: number
  readonly title: string
  readonly content: string
  readonly readOnly: boolean
  readonly createdAt: string
}

/** A repository. */
export interface SimRepo {
  readonly id: number
  owner: string
  name: string
  defaultBranch: string
  readonly branches: Set<string>
  readonly protectedBranches: Set<string>
  archived: boolean
  private: boolean
  readonly collaborators: Map<string, SimPermission>
  readonly issues: Map<number, SimIssue>
  readonly keys: Array<SimKey>
  readonly createdAt: string
}

/** The whole state; names are found whatever their case, as in Gitea. */
export class GiteaState {
  readonly users: Array<SimUser> = []
  readonly orgs: Array<SimOrg> = []
  readonly repos: Array<SimRepo> = []
  /** Old `owner/name` in lower case, and the repository that had it. */
  readonly renamed = new Map<string, SimRepo>()
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

  /** Ids are unique over all kinds, and grow. */
  nextId(): number {
    this.lastId += 1
    return this.lastId
  }

  /** The user of that login, made when there is none. */
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
        reviewers: [],
        reviewComments: 0,
      },
    )
  }

  /** The old name redirects from now on. */
  renameRepo(repo: SimRepo, name: string): void {
    this.renamed.set(fold(`${repo.owner}/${repo.name}`), repo)
    repo.name = name
  }

  /** What a user may do on a repository; owners of its org own it. */
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

/** Names are compared without regard to case. */
export const fold = (name: string): string => name.toLowerCase()

/** Gitea's times have whole seconds. */
export const isoSeconds = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, "Z")

/** Whether a permission includes writing. */
export const mayWrite = (permission: SimPermission): boolean =>
  permission === "write" || permission === "admin" || permission === "owner"
