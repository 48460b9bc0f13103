/** A simulated Gitea's JSON of users, labels and repositories, with all properties of the real one. */
import type { GiteaState, SimRepo, SimUser } from "./state.ts"

/** A JSON object. */
export type Json = { readonly [property: string]: unknown }

const NEVER = "0001-01-01T00:00:00Z"

/** Renders users and repositories of one state for one server, whose root URL has no trailing slash. */
export class AccountShapes {
  readonly state: GiteaState
  readonly root: string

  constructor(state: GiteaState, root: string) {
    this.state = state
    this.root = root
  }

  /** Deleted users are called Ghost and have id -1. */
  user(id: number): Json {
    const user = this.state.userById(id)
    return this.account(user?.id ?? -1, user?.login ?? "Ghost")
  }

  /** A user or an organisation where Gitea shows a user. */
  account(id: number, login: string): Json {
    return {
      id,
      login,
      login_name: "",
      source_id: 0,
      full_name: "",
      email: `${login}@noreply.localhost`,
      avatar_url: `${this.root}/avatars/${id}`,
      html_url: `${this.root}/${login}`,
      language: "",
      is_admin: false,
      last_login: NEVER,
      created: NEVER,
      restricted: false,
      active: false,
      prohibit_login: false,
      location: "",
      website: "",
      description: "",
      visibility: "public",
      followers_count: 0,
      following_count: 0,
      starred_repos_count: 0,
      username: login,
    }
  }

  label(name: string, position: number): Json {
    return {
      id: position + 1,
      name,
      color: "ededed",
      description: "",
      exclusive: false,
      is_archived: false,
      url: "",
    }
  }

  repository(repo: SimRepo, viewer: SimUser | undefined): Json {
    const owner = this.state.org(repo.owner) ?? this.state.ensureUser(repo.owner)
    const may = this.state.permission(repo, viewer)
    const open = [...repo.issues.values()].filter(({ state }) => state === "open")
    const api = `${this.root}/api/v1/repos/${repo.owner}/${repo.name}`
    return {
      id: repo.id,
      owner: this.account(owner.id, repo.owner),
      name: repo.name,
      full_name: `${repo.owner}/${repo.name}`,
      description: "",
      default_branch: repo.defaultBranch,
      archived: repo.archived,
      private: repo.private,
      empty: false,
      fork: false,
      template: false,
      parent: null,
      mirror: false,
      size: 0,
      language: "",
      languages_url: `${api}/languages`,
      html_url: this.web(repo),
      url: api,
      link: "",
      ssh_url: `ssh://git@localhost/${repo.owner}/${repo.name}.git`,
      clone_url: `${this.web(repo)}.git`,
      original_url: "",
      website: "",
      stars_count: 0,
      forks_count: 0,
      watchers_count: 1,
      open_issues_count: open.filter(({ pull }) => pull === undefined).length,
      open_pr_counter: open.filter(({ pull }) => pull !== undefined).length,
      release_counter: 0,
      permissions: {
        admin: may === "admin" || may === "owner",
        push: may !== "read" && may !== "none",
        pull: may !== "none",
      },
      created_at: repo.createdAt,
      updated_at: repo.createdAt,
      archived_at: "1970-01-01T00:00:00Z",
      ...UNITS,
      ...MERGING,
      avatar_url: "",
      internal: false,
      mirror_interval: "",
      mirror_updated: NEVER,
      object_format_name: "sha1",
      repo_transfer: null,
      topics: [],
      licenses: null,
    }
  }

  /** Address of a repository's page. */
  web(repo: SimRepo): string {
    return `${this.root}/${repo.owner}/${repo.name}`
  }
}

const UNITS = {
  has_issues: true,
  internal_tracker: {
    enable_time_tracker: true,
    allow_only_contributors_to_track_time: true,
    enable_issue_dependencies: true,
  },
  has_wiki: true,
  has_pull_requests: true,
  has_projects: true,
  projects_mode: "all",
  has_releases: true,
  has_packages: true,
  has_actions: true,
}

const MERGING = {
  ignore_whitespace_conflicts: false,
  allow_merge_commits: true,
  allow_rebase: true,
  allow_rebase_explicit: true,
  allow_squash_merge: true,
  allow_fast_forward_only_merge: true,
  allow_rebase_update: true,
  default_delete_branch_after_merge: false,
  default_merge_style: "merge",
  default_allow_maintainer_edit: false,
}
