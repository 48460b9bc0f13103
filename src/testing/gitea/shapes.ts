/** The JSON that a simulated Gitea answers with: the properties of the real one that matter to a client, and its nulls. */
import { createHash } from "node:crypto"
import type { GiteaState, SimComment, SimIssue, SimKey, SimReference, SimRepo, SimUser } from "./state.ts"

/** Renders records of one state for one server, whose root URL has no trailing slash. */
export class Shapes {
  private readonly state: GiteaState
  private readonly root: string

  constructor(state: GiteaState, root: string) {
    this.state = state
    this.root = root
  }

  /** Deleted users are called Ghost and have id -1. */
  user(id: number): Json {
    const user = this.state.userById(id)
    return this.account(user?.id ?? -1, user?.login ?? "Ghost")
  }

  /** A user or an org where Gitea shows a user. */
  account(id: number, login: string): Json {
    return {
      id,
      login,
      full_name: "",
      email: `${login}@noreply.localhost`,
      avatar_url: `${this.root}/avatars/${id}`,
      html_url: `${this.root}/${login}`,
      active: false,
      is_admin: false,
      prohibit_login: false,
      visibility: "public",
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
    return {
      id: repo.id,
      owner: this.account(owner.id, repo.owner),
      name: repo.name,
      full_name: `${repo.owner}/${repo.name}`,
      default_branch: repo.defaultBranch,
      archived: repo.archived,
      private: repo.private,
      empty: false,
      fork: false,
      has_issues: true,
      has_pull_requests: true,
      html_url: `${this.root}/${repo.owner}/${repo.name}`,
      clone_url: `${this.root}/${repo.owner}/${repo.name}.git`,
      permissions: {
        admin: may === "admin" || may === "owner",
        push: may !== "read" && may !== "none",
        pull: may !== "none",
      },
      created_at: repo.createdAt,
    }
  }

  /** An issue or, through the same endpoint, a PR: then `pull_request` is there. `assignees` is null when there are none. */
  issue(issue: SimIssue): Json {
    const { repo, pull } = issue
    const kind = pull === undefined ? "issues" : "pulls"
    return {
      ...this.common(issue),
      assignees: issue.assignees.length === 0 ? null : this.assignees(issue),
      url: `${this.root}/api/v1/repos/${repo.owner}/${repo.name}/issues/${issue.number}`,
      html_url: `${this.web(issue.repo)}/${kind}/${issue.number}`,
      ref: "",
      original_author: "",
      original_author_id: 0,
      assets: [],
      time_estimate: 0,
      pull_request:
        pull === undefined
          ? null
          : {
              merged: pull.mergedAt !== undefined,
              merged_at: pull.mergedAt ?? null,
              draft: isDraft(issue),
              html_url: `${this.web(issue.repo)}/pulls/${issue.number}`,
            },
      repository: {
        id: repo.id,
        name: repo.name,
        owner: repo.owner,
        full_name: `${repo.owner}/${repo.name}`,
      },
    }
  }

  /** A PR; in a list `assignees` may be null and `requested_reviewers` is. */
  pull(issue: SimIssue, place: "detail" | "list"): Json | null {
    const { pull } = issue
    if (pull === undefined) return null
    const headRepo = this.state.repoById(pull.headRepoId)
    const nobodyInList = place === "list" && issue.assignees.length === 0
    return {
      ...this.common(issue),
      url: `${this.web(issue.repo)}/pulls/${issue.number}`,
      html_url: `${this.web(issue.repo)}/pulls/${issue.number}`,
      assignees: nobodyInList ? null : this.assignees(issue),
      requested_reviewers: place === "list" ? null : [],
      draft: isDraft(issue),
      merged: pull.mergedAt !== undefined,
      merged_at: pull.mergedAt ?? null,
      merged_by: pull.mergedById === undefined ? null : this.user(pull.mergedById),
      mergeable: false,
      base: {
        label: pull.base,
        ref: pull.base,
        sha: "",
        repo_id: issue.repo.id,
        repo: this.repository(issue.repo, undefined),
      },
      head: {
        label: pull.head,
        ref: headRepo?.branches.has(pull.head) === false ? `refs/pull/${issue.number}/head` : pull.head,
        sha: "",
        repo_id: headRepo === undefined ? -1 : pull.headRepoId,
        repo: headRepo === undefined ? null : this.repository(headRepo, undefined),
      },
    }
  }

  /** The URL that does not apply is "". */
  comment(issue: SimIssue, comment: SimComment): Json {
    const url = `${this.web(issue.repo)}/${issue.pull === undefined ? "issues" : "pulls"}/${issue.number}`
    return {
      id: comment.id,
      html_url: `${url}#issuecomment-${comment.id}`,
      issue_url: issue.pull === undefined ? url : "",
      pull_request_url: issue.pull === undefined ? "" : url,
      user: this.user(comment.authorId),
      original_author: "",
      original_author_id: 0,
      body: comment.body,
      assets: [],
      created_at: comment.createdAt,
      updated_at: comment.updatedAt,
    }
  }

  /** A timeline shows comments and references alike. */
  timelineComment(issue: SimIssue, comment: SimComment): Json {
    const {
      assets: _assets,
      original_author: _author,
      original_author_id: _id,
      ...rest
    } = this.comment(issue, comment)
    return { ...rest, type: "comment", ref_action: "", ref_issue: null, ref_comment: null }
  }

  reference(issue: SimIssue, reference: SimReference): Json {
    return {
      id: reference.id,
      type: reference.type,
      html_url: "",
      issue_url: `${this.web(issue.repo)}/issues/${issue.number}`,
      pull_request_url: "",
      user: this.user(reference.actorId),
      body: "",
      created_at: reference.createdAt,
      updated_at: reference.createdAt,
      ref_action: reference.action,
      ref_commit_sha: "",
      ref_issue: this.issue(reference.from),
      ref_comment: reference.comment === undefined ? null : this.comment(reference.from, reference.comment),
    }
  }

  /** Its `key_id` is that of its content, which several repositories may share. */
  deployKey(repo: SimRepo, key: SimKey): Json {
    return {
      id: key.id,
      key_id: key.id + 1000,
      key: key.content,
      url: `${this.root}/api/v1/repos/${repo.owner}/${repo.name}/keys/${key.id}`,
      title: key.title,
      fingerprint: fingerprintOf(key.content),
      created_at: key.createdAt,
      read_only: key.readOnly,
    }
  }

  private common(issue: SimIssue): Json {
    return {
      id: issue.id,
      number: issue.number,
      user: this.user(issue.authorId),
      title: issue.title,
      body: issue.body,
      state: issue.state,
      is_locked: issue.locked,
      labels: issue.labels.map((name, position) => this.label(name, position)),
      milestone: null,
      assignee: this.assignees(issue)[0] ?? null,
      comments: issue.comments.length,
      created_at: issue.createdAt,
      updated_at: issue.updatedAt,
      closed_at: issue.closedAt ?? null,
      due_date: null,
      pin_order: 0,
      ...(this.state.contentVersions ? { content_version: issue.contentVersion } : {}),
    }
  }

  private assignees(issue: SimIssue): ReadonlyArray<Json> {
    return issue.assignees.map((login) => this.user(this.state.ensureUser(login).id))
  }

  private web(repo: SimRepo): string {
    return `${this.root}/${repo.owner}/${repo.name}`
  }
}

/** As `ssh-keygen -l` tells it. */
const fingerprintOf = (content: string): string =>
  `SHA256:${createHash("sha256")
    .update(Buffer.from(content.split(" ")[1] ?? "", "base64"))
    .digest("base64")
    .replace(/=+$/, "")}`

/** A JSON object. */
export type Json = { readonly [property: string]: unknown }

/** There is no draft flag: the title says it. */
const isDraft = (issue: SimIssue): boolean => /^(?:WIP:|\[WIP\])/i.test(issue.title)
