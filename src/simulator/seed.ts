/** The initial content of a simulated Gitea. Users that are named anywhere and not listed are created. */

/** Permission of a user on a repository, by Gitea's names. */
export type SimPermission = "none" | "read" | "write" | "admin" | "owner"

/** A user; one with a token can call the API. */
export interface SeedUser {
  readonly login: string
  readonly token?: string
  /** Scopes of the token; `["all"]` unless given. */
  readonly scopes?: ReadonlyArray<string>
  readonly siteAdmin?: boolean
}

/** An organisation; those listed as public members are visible to everyone. */
export interface SeedOrg {
  readonly name: string
  readonly members?: ReadonlyArray<string>
  readonly publicMembers?: ReadonlyArray<string>
  /** Members who own the organisation, and so its repositories. */
  readonly owners?: ReadonlyArray<string>
  /** Since 1.27: returns 404 for everything to outsiders. */
  readonly hidden?: boolean
}

/** An attachment of an issue or a comment. */
export interface SeedAttachment {
  readonly name: string
  readonly content: string | Uint8Array
}

/** A comment. */
export interface SeedComment {
  readonly user: string
  readonly body: string
  /** ISO 8601; the time of seeding unless given. */
  readonly createdAt?: string
}

/** An issue. It gets the next free number unless one is given. */
export interface SeedIssue {
  readonly number?: number
  readonly title: string
  readonly body?: string
  readonly author?: string
  readonly labels?: ReadonlyArray<string>
  readonly assignees?: ReadonlyArray<string>
  readonly state?: "open" | "closed"
  readonly locked?: boolean
  readonly comments?: ReadonlyArray<SeedComment>
  readonly updatedAt?: string
}

/** A pull request; from the same repository unless `headRepoId` is another one's, or -1 for a deleted one. */
export interface SeedPull extends SeedIssue {
  readonly head: string
  readonly base?: string
  readonly headRepoId?: number
  readonly merged?: boolean
}

/** A repository. */
export interface SeedRepo {
  /** A user or an organisation. */
  readonly owner: string
  readonly name: string
  /** `main` unless given. */
  readonly defaultBranch?: string
  /** Branches in addition to the default one. */
  readonly branches?: ReadonlyArray<string>
  /** Existing protected branches. */
  readonly protectedBranches?: ReadonlyArray<string>
  readonly archived?: boolean
  readonly private?: boolean
  readonly collaborators?: Readonly<Record<string, SimPermission>>
  readonly issues?: ReadonlyArray<SeedIssue>
  readonly pulls?: ReadonlyArray<SeedPull>
  /** Files at the default branch that the API serves, by path. */
  readonly files?: Readonly<Record<string, string>>
}

/** The whole initial content of a simulated Gitea. */
export interface GiteaSeed {
  readonly users?: ReadonlyArray<SeedUser>
  readonly orgs?: ReadonlyArray<SeedOrg>
  readonly repos?: ReadonlyArray<SeedRepo>
  /** Whether issues carry `content_version` (Gitea 1.26 and later); yes unless given. */
  readonly contentVersions?: boolean
  /** The server's clock in milliseconds; the system's unless given. */
  readonly now?: () => number
}
