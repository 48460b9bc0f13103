/** A simulated Gitea's JSON of issues, pull requests and keys, with all properties and nulls of the real one. */
import { createHash } from "node:crypto"
import { AccountShapes, type Json } from "./accountShapes.ts"
import type { SimComment, SimEvent, SimIssue, SimKey, SimReference, SimRepo, SimUser } from "./state.ts"

/** Renders records of one state for one server, whose root URL has no trailing slash. */
export class Shapes extends AccountShapes {
  /** An issue or, through the same endpoint, a pull request, which has `pull_request`. `assignees` is null when there are none. */
  issue(issue: SimIssue): Json {
    const { repo, pull } = issue
    const kind = pull === undefined ? "issues" : "pulls"
    return {
      ...this.common(issue),
      assignees: issue.assignees.length === 0 ? null : this.people(issue.assignees),
      url: `${this.root}/api/v1/repos/${repo.owner}/${repo.name}/issues/${issue.number}`,
      html_url: `${this.web(issue.repo)}/${kind}/${issue.number}`,
      ref: "",
      original_author: "",
      original_author_id: 0,
      assets: this.attachments(issue),
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

  /** A pull request for `viewer`. Lists leave out sizes, and have null for missing users. */
  pull(issue: SimIssue, place: "detail" | "list", viewer: SimUser | undefined): Json | null {
    const { pull } = issue
    if (pull === undefined) return null
    const headRepo = this.state.repoById(pull.headRepoId)
    const web = `${this.web(issue.repo)}/pulls/${issue.number}`
    const given = pull.reviews.filter(({ state }) => !["PENDING", "REQUEST_REVIEW"].includes(state)).length
    const base = this.state.headOf(issue.repo, pull.base)
    const people = (logins: ReadonlyArray<string>) =>
      place === "list" && logins.length === 0 ? null : this.people(logins)
    return {
      ...this.common(issue),
      url: web,
      html_url: web,
      diff_url: `${web}.diff`,
      patch_url: `${web}.patch`,
      assignees: people(issue.assignees),
      requested_reviewers: people(pull.reviewers),
      requested_reviewers_teams: place === "list" ? null : [],
      ...(given > 0 && { review_comments: given }),
      draft: isDraft(issue),
      merged: pull.mergedAt !== undefined,
      merged_at: pull.mergedAt ?? null,
      merged_by: pull.mergedById === undefined ? null : this.user(pull.mergedById),
      merge_commit_sha: pull.mergeCommit ?? null,
      merge_base: base,
      mergeable: pull.merging === "clean" && !isDraft(issue),
      allow_maintainer_edit: false,
      ...(place === "detail" && { additions: 0, deletions: 0, changed_files: 0 }),
      base: {
        label: pull.base,
        ref: pull.base,
        sha: base,
        repo_id: issue.repo.id,
        repo: this.repository(issue.repo, viewer),
      },
      head: {
        label: pull.head,
        ref: headRepo?.branches.has(pull.head) === false ? `refs/pull/${issue.number}/head` : pull.head,
        sha: this.state.headOf(headRepo ?? issue.repo, pull.head),
        repo_id: headRepo === undefined ? -1 : pull.headRepoId,
        repo: headRepo === undefined ? null : this.repository(headRepo, viewer),
      },
    }
  }

  /** The attachments of an issue or a comment. */
  attachments({ attachments = [] }: Pick<SimIssue | SimComment, "attachments">): ReadonlyArray<Json> {
    return attachments.map(({ id, uuid, name, size, content, link, createdAt }) => ({
      id,
      name,
      size: size ?? content.length,
      download_count: 0,
      created_at: createdAt,
      uuid,
      browser_download_url: link ?? `${this.root}/attachments/${uuid}`,
    }))
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
      assets: this.attachments(comment),
      created_at: comment.createdAt,
      updated_at: comment.updatedAt,
    }
  }

  /** An entry of a timeline: a comment, a reference or a change. */
  timelineComment(issue: SimIssue, comment: SimComment): Json {
    const { id, user, body, created_at, html_url, issue_url, pull_request_url } = this.comment(issue, comment)
    const urls = { html_url, issue_url, pull_request_url }
    return {
      ...this.entry(issue, urls),
      id,
      type: "comment",
      user,
      body,
      created_at,
      updated_at: comment.updatedAt,
    }
  }

  reference(issue: SimIssue, reference: SimReference): Json {
    const { id, type, actorId, createdAt, action, from, comment } = reference
    return {
      ...this.entry(issue),
      id,
      type,
      user: this.user(actorId),
      created_at: createdAt,
      updated_at: createdAt,
      ref_action: action,
      ref_issue: this.issue(from),
      ref_comment: comment === undefined ? null : this.comment(from, comment),
    }
  }

  /** An added label has the body "1". */
  event(issue: SimIssue, event: SimEvent): Json {
    const { id, type, actorId, createdAt, label, assignee, removed, body, titles, dependency } = event
    return {
      ...this.entry(issue),
      id,
      type,
      user: this.user(actorId),
      body: body ?? (label !== undefined && !removed ? "1" : ""),
      created_at: createdAt,
      updated_at: createdAt,
      label: label === undefined ? null : this.label(label, 0),
      assignee: assignee === undefined ? null : this.user(this.state.ensureUser(assignee).id),
      removed_assignee: assignee !== undefined && removed,
      old_title: titles?.old ?? "",
      new_title: titles?.new ?? "",
      review_id: event.reviewId ?? 0,
      dependent_issue: dependency === undefined ? null : this.issue(dependency),
    }
  }

  private entry(issue: SimIssue, urls?: Json): Json {
    const web = `${this.web(issue.repo)}/${issue.pull === undefined ? "issues" : "pulls"}/${issue.number}`
    return {
      html_url: web,
      issue_url: issue.pull === undefined ? web : "",
      pull_request_url: issue.pull === undefined ? "" : web,
      ...urls,
      body: "",
      old_project_id: 0,
      project_id: 0,
      old_milestone: null,
      milestone: null,
      tracked_time: null,
      old_title: "",
      new_title: "",
      old_ref: "",
      new_ref: "",
      ref_issue: null,
      ref_comment: null,
      ref_action: "none",
      ref_commit_sha: "",
      review_id: 0,
      label: null,
      assignee: null,
      assignee_team: null,
      removed_assignee: false,
      resolve_doer: null,
      dependent_issue: null,
    }
  }

  /** Its `key_id` is derived from its content, which several repositories may share. */
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
      assignee: this.people(issue.assignees)[0] ?? null,
      comments: issue.comments.length,
      created_at: issue.createdAt,
      updated_at: issue.updatedAt,
      closed_at: issue.closedAt ?? null,
      due_date: issue.dueDate ?? null,
      pin_order: 0,
      ...(this.state.contentVersions ? { content_version: issue.contentVersion } : {}),
    }
  }

  private people(logins: ReadonlyArray<string>): ReadonlyArray<Json> {
    return logins.map((login) => this.user(this.state.ensureUser(login).id))
  }
}

/** In the format of `ssh-keygen -l`. */
const fingerprintOf = (content: string): string =>
  `SHA256:${createHash("sha256")
    .update(Buffer.from(content.split(" ")[1] ?? "", "base64"))
    .digest("base64")
    .replace(/=+$/, "")}`

/** There is no draft flag: the title shows it. */
const isDraft = (issue: SimIssue): boolean => /^(?:WIP:|\[WIP\])/i.test(issue.title)
