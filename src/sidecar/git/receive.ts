/**
 * Handles a push from its body to its report: unpacks it in isolation, checks it, then sends it to the upstream, whose result the agent
 * gets.
 */
import { Effect, Fiber } from "effect"
import type { Option, Scope } from "effect"
import { open } from "node:fs/promises"
import { type RefUpdate, isNoObject, mayForce, pushProblem } from "../../domain/PushPolicy.ts"
import { SECRET_REFUSALS } from "../../domain/SecretRefusals.ts"
import type { Approval } from "../../domain/PlanApproval.ts"
import type { SecretScannerApi } from "../../services/SecretScanner.ts"
import { file } from "../../files/files.ts"
import { branchBase, defaultBase, protectedDifferences } from "./bases.ts"
import { type Quarantine, changedPaths, protectedProblems, secretProblems } from "./inspect.ts"
import { messageProblems } from "./messages.ts"
import { type PushRequest, readPush } from "./pktLine.ts"
import { type PushOutcome, pushUpstream } from "./pushUpstream.ts"
import { GitFailure } from "./GitFailure.ts"
import type { Planned } from "./approval.ts"
import type { GitContext, Repository } from "./Repository.ts"
import { bodyFile } from "./spool.ts"
import { type Incoming, compare, unpack } from "./unpack.ts"
import type { UpstreamForge } from "./UpstreamForge.ts"

/** What checks of a push need, and where it is reported. */
export interface ReceiveContext extends GitContext {
  readonly scanner: SecretScannerApi
  /** The run's forge, if the upstream is one of its repositories. */
  readonly forge: UpstreamForge | undefined
  /** What approves pushes to a repository with `pushAfter: approval` now. */
  readonly approval: Planned["approval"]
  /** Limit to unpack and inspect a push, in milliseconds. */
  readonly inspectMs: number
  /** Called when the push passed all checks, around its transfer to the upstream, with the approval that it needed. */
  readonly logged: (
    updates: ReadonlyArray<RefUpdate>,
    approval: Approval | undefined,
    push: Effect.Effect<PushOutcome, GitFailure>,
  ) => Effect.Effect<PushOutcome, GitFailure>
}

/** A push that fails as a whole. */
interface Refused {
  readonly reached?: boolean
  readonly reason: string
  readonly messages: ReadonlyArray<string>
}

/** Result of a push. */
export interface Received extends PushOutcome {
  readonly request: PushRequest
}

const HEAD_BYTES = 512 * 1024
const SHOWN_MAX = 20

/** Handles the push in the body at `folder/body`. Fails when it cannot be read. */
export const receive = (
  context: ReceiveContext,
  repository: Repository,
  folder: string,
): Effect.Effect<Received, GitFailure> =>
  Effect.gen(function* () {
    const request = yield* readPush(yield* readHead(bodyFile(folder))).pipe(Effect.mapError(failure))
    const done = yield* Effect.either(attempt(context, repository, folder, request))
    return done._tag === "Right" ? { request, ...done.right } : refusal(request, done.left)
  })

/** Reports why the body of a push was not read to the end. Fails with that reason when not even its head arrived. */
export const refuseUnread = (folder: string, unread: GitFailure): Effect.Effect<Received, GitFailure> =>
  readHead(bodyFile(folder)).pipe(
    Effect.flatMap(readPush),
    Effect.filterOrFail(({ updates }) => updates.length > 0),
    Effect.mapBoth({
      onFailure: () => unread,
      onSuccess: (request) =>
        refusal(request, { reason: unread.reason, messages: [`bot-bottle: the push: ${unread.reason}`] }),
    }),
  )

const refusal = (request: PushRequest, { reason, messages, reached = false }: Refused): Received => ({
  request,
  reached,
  refused: reason,
  report: { refs: request.updates.map(({ ref }) => ({ ref, problem: reason })), messages },
})

const failure = (reason: string) => new GitFailure({ reason, remote: [] })

const readHead = (path: string) =>
  Effect.acquireUseRelease(
    file(() => open(path)),
    (handle) =>
      file(() => handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)).pipe(
        Effect.map(({ buffer, bytesRead }) => buffer.subarray(0, bytesRead)),
      ),
    (handle) => Effect.promise(() => handle.close()),
  ).pipe(Effect.mapError(() => failure("the push could not be kept")))

const refuse = (reason: string, messages: ReadonlyArray<string> = []): Effect.Effect<never, Refused> =>
  Effect.fail({ reason, messages: messages.map((line) => `bot-bottle: ${line}`) })

const orRefuse = <A>(effect: Effect.Effect<A, GitFailure>): Effect.Effect<A, Refused> =>
  Effect.mapError(effect, ({ reason, remote }) => ({ reason, messages: remote }))

const attempt = (
  context: ReceiveContext,
  repository: Repository,
  folder: string,
  request: PushRequest,
): Effect.Effect<PushOutcome, Refused> =>
  Effect.gen(function* () {
    const { updates, capabilities } = request
    const { push } = repository.upstream
    if (capabilities.has("push-options")) return yield* refuse("push options are not allowed")
    if (updates.length === 0) return yield* refuse("the push asks for nothing")
    const problems = updates.flatMap((update) => {
      const problem = pushProblem(push, update)
      return problem === undefined ? [] : [{ ref: update.ref, problem }]
    })
    if (problems.length > 0) return reportOf(updates, problems)

    yield* requireApproval(context, repository)
    // Its client has just asked for what the deltas of the push need.
    yield* orRefuse(repository.syncRecently)
    // The push is unpacked while the upstream and the forge are asked.
    const incoming = yield* Effect.forkScoped(orRefuse(unpack(context, repository, folder, request)))
    const open = yield* Effect.forkScoped(openBases(context))
    const head = yield* orRefuse(repository.syncWithHead)
    const quarantine = yield* inspected(context, updates, {
      incoming: Fiber.join(incoming),
      open: Fiber.join(open),
      head,
    }).pipe(
      Effect.timeoutFail({
        duration: context.inspectMs,
        onTimeout: (): Refused => ({ reason: "it took too long to look at the push", messages: [] }),
      }),
    )
    // Again: a new plan may have been posted while the push was inspected.
    const approval = yield* requireApproval(context, repository)
    return yield* orRefuse(context.logged(updates, approval, pushUpstream(quarantine, updates))).pipe(
      Effect.mapError((refused) => ({ ...refused, reached: true })),
    )
  }).pipe(Effect.scoped)

/** Where the manifest asks for it, a trusted person must have approved the agent's plan. */
const requireApproval = Effect.fnUntraced(function* (
  { approval }: ReceiveContext,
  { upstream }: Repository,
): Effect.fn.Return<Approval | undefined, Refused> {
  if (upstream.pushAfter === undefined) return undefined
  return yield* Effect.catchAll(approval, ({ reason, messages }) => refuse(reason, messages))
})

/** What is found out about a push beside each other. */
interface Asked {
  readonly incoming: Effect.Effect<Incoming, Refused>
  /** The bases of open pull requests, by head. */
  readonly open: Effect.Effect<ReadonlyMap<string, ReadonlyArray<string>>, Refused>
  /** Where the upstream's HEAD is. */
  readonly head: Option.Option<string>
}

const openBases = ({ forge }: ReceiveContext): Asked["open"] =>
  forge?.openBases === undefined
    ? Effect.succeed(new Map())
    : Effect.mapError(forge.openBases, ({ message }) => ({
        reason: `its pull requests are not known: ${message}`,
        messages: [],
      }))

/** Inspects a push. Fails with the reason for refusing it. */
const inspected = Effect.fnUntraced(function* (
  context: ReceiveContext,
  updates: ReadonlyArray<RefUpdate>,
  asked: Asked,
): Effect.fn.Return<Quarantine, Refused, Scope.Scope> {
  const quarantine = yield* orRefuse(compare(context, yield* asked.incoming))
  const paths = yield* orRefuse(changedPaths(quarantine))
  // Beside the other checks, because it takes longest. Their refusals come first.
  const secrets = yield* Effect.forkScoped(requireNoSecrets(context, quarantine, paths))
  for (const update of updates) yield* orRefuse(requireMovable(context, quarantine, update))
  const kept = yield* orRefuse(protectedProblems(context, quarantine.repository.upstream, paths))
  if (kept.length > 0) return yield* refuse("protected paths", shortened(kept))
  yield* requireBases(context, quarantine, updates, asked)
  if (context.forge !== undefined) {
    const said = yield* orRefuse(messageProblems(quarantine, context.forge.messageProblem))
    if (said.length > 0) return yield* refuse("a message closes what is out of scope", shortened(said))
  }
  yield* Fiber.join(secrets)
  return quarantine
})

const requireNoSecrets = Effect.fnUntraced(function* (
  { scanner }: ReceiveContext,
  quarantine: Quarantine,
  paths: ReadonlyArray<string>,
): Effect.fn.Return<void, Refused> {
  const secrets = yield* secretProblems(scanner, quarantine, paths).pipe(
    Effect.tapErrorTag("ScanFailed", (error) => Effect.logError("a push was not scanned", error)),
    Effect.mapError((error) => ({
      reason: error._tag === "ScanFailed" ? "the scan for secrets failed" : error.reason,
      messages: [],
    })),
  )
  if (secrets.length > 0)
    return yield* refuse(SECRET_REFUSALS.push, [
      ...shortened(secrets),
      "take them out of every commit of the push: nothing of it has left the bottle",
    ])
})

/** Each ref must have its bases' content at protected paths, even when no commit of the push changes anything there. */
const requireBases = Effect.fnUntraced(function* (
  context: ReceiveContext,
  { repository, objects }: Quarantine,
  updates: ReadonlyArray<RefUpdate>,
  asked: Asked,
) {
  const open = yield* asked.open
  const usual = yield* Effect.cached(defaultBase(repository, asked.head))
  for (const { ref, new: tip } of updates) {
    const named = open.get(ref.replace(/^refs\/heads\//, "")) ?? []
    const bases = named.map((name) => branchBase(repository, name))
    for (const base of bases.length > 0 ? bases : [usual]) {
      const found = yield* orRefuse(base)
      const lines = yield* orRefuse(protectedDifferences(context, repository, found, tip, objects))
      if (lines.length > 0)
        return yield* refuse(`protected paths: merge ${found.name} first`, [
          ...shortened(lines),
          `${ref}: merge ${found.name} first, and leave these files unchanged`,
        ])
    }
  }
})

const shortened = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length <= SHOWN_MAX ? lines : [...lines.slice(0, SHOWN_MAX), `and ${lines.length - SHOWN_MAX} more`]

/** If one ref is refused, none is pushed. */
const reportOf = (
  updates: ReadonlyArray<RefUpdate>,
  problems: ReadonlyArray<{ readonly ref: string; readonly problem: string }>,
) => ({
  refused: problems.map(({ ref, problem }) => `${ref}: ${problem}`).join("; "),
  report: {
    refs: updates.map(({ ref }) => ({
      ref,
      problem: problems.find((one) => one.ref === ref)?.problem ?? "another ref of the push was refused",
    })),
    messages: problems.map(({ ref, problem }) => `bot-bottle: ${ref}: ${problem}`),
  },
})

/** A ref must move to a commit, and only forward outside of the bottle's own branches. */
const requireMovable = Effect.fnUntraced(function* (
  { slug }: ReceiveContext,
  { repository, objects, fresh }: Quarantine,
  update: RefUpdate,
) {
  const type =
    fresh.get(update.new)?.type ??
    (yield* repository.git({ args: ["cat-file", "-t", update.new], objects })).stdout.trim()
  if (type !== "commit" && !(update.ref.startsWith("refs/tags/") && type === "tag"))
    return yield* failure(`${update.ref} can only point to a commit`)
  if (isNoObject(update.old) || mayForce(slug, update.ref)) return
  yield* repository
    .git({ args: ["merge-base", "--is-ancestor", update.old, update.new], objects })
    .pipe(Effect.mapError(() => failure("non-fast-forward")))
})
