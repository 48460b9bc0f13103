/** The calls at the neck as agents see them: one entry per call, for the assignment, the `forge` command and its help. */

/** A positional parameter on the command line. */
export interface CallWord<Parameter extends string = string> {
  /** Name of the call's parameter. */
  readonly name: Parameter
  /** Its name in the help, such as `N`. */
  readonly shown: string
  /** Whether it is a number instead of a text. */
  readonly number?: true
}

/** A parameter on the command line as `--name value`. */
export interface CallOption<Parameter extends string = string> extends CallWord<Parameter> {
  readonly optional?: true
}

/** Facts about the run, for examples. */
export interface AssignedNumbers {
  readonly issue: number
  /** What the run may write to: `#17, #42`. */
  readonly writable: string
}

/** How to use one call, on the command line and in the text of an assignment. `Parameter` is a parameter of the call. */
export interface CallUsage<Parameter extends string = string> {
  /** Name of the method and of the tool. The command has `-` in place of each `_`. */
  readonly name: string
  /** Positional parameters, in order. */
  readonly words?: ReadonlyArray<CallWord<Parameter>>
  readonly options?: ReadonlyArray<CallOption<Parameter>>
  /** The parameter that is read from standard input. */
  readonly body?: Parameter
  /** The result is a file in base64, which the command writes to a path in the last argument. This is that argument's name in the help. */
  readonly file?: string
  /** Description, in one line of the help. */
  readonly help: string
  /** Note in the assignment. Absent: the assignment does not mention the call. Neighbours with the same note share a line. */
  readonly assignment?: {
    /** A command to copy. */
    readonly example: (run: AssignedNumbers) => string
    /** What it may be used on, and how. */
    readonly note: (run: AssignedNumbers) => string
  }
}

/** Command name of a call. */
export const commandOf = ({ name }: Pick<CallUsage, "name">): string => name.replaceAll("_", "-")

const anyNumber = () => "any number of this repository"
const ownNumbers = ({ writable }: AssignedNumbers) => `only ${writable} and a pull request you open`
const number = [{ name: "number", shown: "N", number: true }] as const

/** The built-in calls, in the order in which agents see them. */
export const forgeCommands = {
  read_issue: {
    name: "read_issue",
    words: number,
    help: "the issue N of this repository",
    assignment: { example: ({ issue }) => `forge read-issue ${issue}`, note: anyNumber },
  },
  read_pr: {
    name: "read_pr",
    words: number,
    help: "the pull request N",
    assignment: { example: () => "forge read-pr NUMBER", note: anyNumber },
  },
  read_comments: {
    name: "read_comments",
    words: number,
    help: "the comments of an issue or a pull request",
    assignment: { example: ({ issue }) => `forge read-comments ${issue}`, note: anyNumber },
  },
  post_comment: {
    name: "post_comment",
    words: number,
    body: "body",
    help: "comments; BODY is Markdown on standard input",
    assignment: { example: ({ issue }) => `forge post-comment ${issue} < body.md`, note: ownNumbers },
  },
  update_description: {
    name: "update_description",
    words: number,
    body: "body",
    help: "replaces the description",
    assignment: { example: ({ issue }) => `forge update-description ${issue} < body.md`, note: ownNumbers },
  },
  open_pr: {
    name: "open_pr",
    options: [
      { name: "title", shown: "T" },
      { name: "head", shown: "BRANCH" },
      { name: "base", shown: "BRANCH", optional: true },
    ],
    body: "body",
    help: "opens the pull request of this run, or answers the one that is open",
    assignment: {
      example: () => "forge open-pr --title TITLE --head BRANCH < body.md",
      note: ({ issue }) =>
        `one pull request for the issue, from a branch that you have pushed. If merging it is to close the issue, its text says \`Closes #${issue}\`; words that would close another issue are refused`,
    },
  },
  git_identity: {
    name: "git_identity",
    help: "name and e-mail for commits of this run, on two lines",
  },
  signal_done: {
    name: "signal_done",
    words: [
      { name: "status", shown: "STATUS" },
      { name: "summary", shown: "SUMMARY" },
    ],
    help: "ends this piece of work; STATUS is success, no_change, blocked or failure",
    assignment: {
      example: () => 'forge signal-done success "what was done"',
      note: () => "or `no_change`, `blocked`, `failure`",
    },
  },
  read_reviews: {
    name: "read_reviews",
    words: number,
    help: "the reviews of a pull request, with their comments on lines",
    assignment: { example: () => "forge read-reviews NUMBER", note: anyNumber },
  },
  read_checks: {
    name: "read_checks",
    words: number,
    help: "what checks say of a pull request's head",
    assignment: { example: () => "forge read-checks NUMBER", note: anyNumber },
  },
  list_attachments: {
    name: "list_attachments",
    words: number,
    help: "files of an issue or a pull request and of its comments, each with an ID",
    assignment: { example: ({ issue }) => `forge list-attachments ${issue}`, note: anyNumber },
  },
  read_attachment: {
    name: "read_attachment",
    words: [{ name: "id", shown: "ID" }],
    file: "PATH",
    help: "writes one of them to a file",
    assignment: {
      example: () => "forge read-attachment ID PATH",
      note: () => "one of these files, such as a screenshot",
    },
  },
  list_issues: {
    name: "list_issues",
    options: [
      { name: "state", shown: "STATE", optional: true },
      { name: "labels", shown: "A,B", optional: true },
      { name: "text", shown: "WORDS", optional: true },
      { name: "page", shown: "N", number: true, optional: true },
    ],
    help: "issues of this repository, newest first; STATE is open, closed or all",
    assignment: {
      example: () => "forge list-issues --text WORDS",
      note: () => "issues of this repository that have these words",
    },
  },
  request: {
    name: "request",
    words: [
      { name: "kind", shown: "KIND" },
      { name: "detail", shown: "DETAIL" },
    ],
    options: [{ name: "reason", shown: "WHY", optional: true }],
    help: "asks the operator: KIND is egress, protected_path, budget or question",
  },
  request_status: {
    name: "request_status",
    words: [{ name: "id", shown: "ID" }],
    options: [{ name: "wait", shown: "SECONDS", number: true, optional: true }],
    help: "what the operator decided; it can wait up to 45 seconds",
  },
} as const satisfies Record<string, CallUsage>

/** The built-in calls as a list. */
export const FORGE_COMMANDS: ReadonlyArray<CallUsage> = Object.values(forgeCommands)
