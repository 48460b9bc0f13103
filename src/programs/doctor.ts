/** doctor: checks everything that a bottle needs, and says what to do about what is missing. */
import { Effect, Option, Stream } from "effect"
import { ForgeRequestError } from "../domain/Errors.ts"
import type { ForgeReason } from "../domain/ForgeReason.ts"
import { canPinAddresses } from "../domain/GitVersion.ts"
import { Backends } from "../services/Backends.ts"
import type { ForgeApi } from "../services/Forge.ts"
import { ProcessRunner } from "../services/ProcessRunner.ts"

/** The result of a check: present, required and missing, or optional and missing. */
export interface Finding {
  readonly subject: string
  readonly status: "ok" | "missing" | "absent"
  /** What was found, or what is wrong, in one line. */
  readonly detail: string
  /** What to do about it; `""` when there is nothing to do. */
  readonly todo: string
}

/** One check of `doctor`. */
export interface DoctorCheck<R = never> {
  readonly subject: string
  readonly needed: boolean
  /** An earlier check without whose success this one has no result of its own: it is then skipped. */
  readonly after?: string
  /** What to do when it fails; `""` when its own message says so. */
  readonly todo: string
  /** Runs the check and describes the result in one line. */
  readonly ask: Effect.Effect<string, { readonly message: string }, R>
}

/** Checks every backend and git, then the given checks, one after the other. Never fails. */
export const doctor = Effect.fn("doctor")(function* <R = never>(checks: ReadonlyArray<DoctorCheck<R>> = []) {
  const backends = yield* askBackends
  const silent = new Set<string>()
  const found = yield* Effect.forEach(checks, (check) =>
    check.after !== undefined && silent.has(check.after)
      ? Effect.succeed(notAsked(check.subject, check.after))
      : perform(check, (error) => {
          if (givesNoAnswers(error)) silent.add(check.subject)
        }),
  )
  return [...backends, yield* perform(git), ...found]
})

const notAsked = (subject: string, after: string): Finding => ({
  subject,
  status: "absent",
  detail: `not asked, because of ${after}`,
  todo: "",
})

/** When a forge cannot be reached, or does not accept the token, its other checks cannot succeed either. */
const givesNoAnswers = (error: { readonly message: string }): boolean =>
  error instanceof ForgeRequestError && NO_ANSWERS.has(error.reason)

const NO_ANSWERS: ReadonlySet<ForgeReason> = new Set(["Unreachable", "Unauthorized"] as const)

/** One backend that isolates is required; the operator chooses which. */
const askBackends = Effect.gen(function* () {
  const backends = yield* Backends
  const found = yield* Effect.forEach(backends.names, (name) =>
    backends.get(name).pipe(
      Effect.flatMap((backend) =>
        Effect.map(backend.check, (detail) => ({
          name,
          detail,
          works: true,
          isolates: Option.isNone(backend.warning),
        })),
      ),
      Effect.catchAll((error) =>
        Effect.succeed({
          name,
          detail: "reason" in error ? error.reason : error.message,
          works: false,
          isolates: false,
        }),
      ),
    ),
  )
  const enough = found.some(({ works, isolates }) => works && isolates)
  // One cause, one finding: the first backend stands for all of them.
  const missing = enough ? undefined : found.find(({ works }) => !works)
  return found.map((backend): Finding => {
    const { name, detail, works } = backend
    const usual = enough && name === "docker" ? USUAL : ""
    return {
      subject: `backend ${name}`,
      status: works ? "ok" : backend === missing ? "missing" : "absent",
      detail,
      todo: works ? "" : backend === missing ? NEEDED : usual,
    }
  })
})

const USUAL = "bottles use docker unless their manifest or --backend names another backend"
const NEEDED = "a backend that isolates is needed: docker is tested most, and podman works too"

const git: DoctorCheck<ProcessRunner> = {
  subject: "git",
  needed: true,
  todo: "install git: it lists the files of a working tree",
  ask: Effect.flatMap(ProcessRunner, (runner) =>
    Effect.map(runner.run({ command: "git", args: ["--version"], timeoutMs: 10_000 }), ({ stdout }) =>
      canPinAddresses(stdout)
        ? stdout.trim()
        : `${stdout.trim()}: before 2.37, repositories over https are served only with private: true`,
    ),
  ),
}

const perform = <R>(
  { subject, needed, todo, ask }: DoctorCheck<R>,
  failed: (error: { readonly message: string }) => void = () => undefined,
): Effect.Effect<Finding, never, R> =>
  Effect.match(ask, {
    onSuccess: (detail) => ({ subject, status: "ok", detail, todo: "" }),
    onFailure: (error) => {
      failed(error)
      return {
        subject,
        status: needed ? "missing" : "absent",
        detail: error.message.split("\n")[0] ?? "",
        todo,
      }
    },
  })

/**
 * What an orchestrated run needs from a forge: the token's user, the repository with write permission, the scopes that reading reveals,
 * and the bot's membership in `org`. It writes nothing, so write scopes stay unknown.
 */
export const forgeChecks = (forge: ForgeApi, org: string): ReadonlyArray<DoctorCheck> => {
  const [first, ...others] = checksOf(forge, org)
  return [...(first === undefined ? [] : [first]), ...others.map(afterForge)]
}

const afterForge = (check: DoctorCheck): DoctorCheck => ({ ...check, after: "forge" })

/** The first check tells whether the forge responds. */
const checksOf = (forge: ForgeApi, org: string): ReadonlyArray<DoctorCheck> => {
  const { owner, repo } = forge.repository
  const unless = (holds: boolean, message: string, detail: string) =>
    holds ? Effect.succeed(detail) : Effect.fail({ message })
  return [
    {
      subject: "forge",
      needed: true,
      todo: "",
      ask: Effect.map(forge.self, ({ login, id }) => `the token belongs to ${login} (id ${id})`),
    },
    {
      subject: "forge repository",
      needed: true,
      todo: `give the bot access to ${owner}/${repo}`,
      ask: Effect.map(forge.repositoryId, (id) => `${owner}/${repo} (id ${id})`),
    },
    {
      subject: "forge issues",
      needed: true,
      todo: "make a token with the scopes write:issue, write:repository, read:user and read:organization",
      ask: Effect.as(
        Stream.runHead(forge.targetedIssues("")),
        "can be read; whether the token may write is seen only by writing",
      ),
    },
    {
      subject: "forge permission",
      needed: true,
      todo: `add the bot as a collaborator of ${owner}/${repo} with write permission`,
      ask: forge.self.pipe(
        Effect.flatMap(({ login }) => Effect.map(forge.canWrite(login), (can) => ({ login, can }))),
        Effect.flatMap(({ login, can }) =>
          unless(can, `${login} may not write to ${owner}/${repo}`, `${login} may write to ${owner}/${repo}`),
        ),
      ),
    },
    {
      subject: "forge deploy keys",
      needed: false,
      todo: "needed only for repositories over ssh with key.provider gitea",
      ask: Effect.map(forge.listDeployKeys, (keys) => `can be registered; there are ${keys.length}`),
    },
    {
      subject: "forge org",
      needed: true,
      todo: `make the bot a member of the organisation ${org}, or set FORGE_ORG; otherwise no issue can be targeted`,
      ask: forge.self.pipe(
        Effect.flatMap(({ login }) =>
          Effect.map(forge.isOrgMember(org, login), (member) => ({ login, member })),
        ),
        Effect.flatMap(({ login, member }) =>
          unless(member, `${login} is not a member of ${org}`, `${login} is a member of ${org}`),
        ),
      ),
    },
  ]
}
