/**
 * The agent's user in a machine. smolvm runs everything in a pack's machine as root, so each program of the agent switches its user
 * first.
 */
import { Effect } from "effect"
import type { BottlePlan } from "../../domain/Bottle.ts"
import type { LaunchRefused } from "../../domain/Errors.ts"
import { shellQuote } from "../bottle/runFiles.ts"
import { execArguments, inMachine, refuse } from "./machine.ts"
import type { SmolvmCall, Smolvm } from "./smolvm.ts"

/** The largest ID: the next one means "unchanged" to setresuid(2), and would leave the agent root. */
const ID_MAX = 2 ** 32 - 2

const NO_TOOL = "bot-bottle: nothing here changes the user"

/**
 * How each tool of an image permanently drops root and all capabilities. busybox's shell prefers its own setpriv, which cannot change
 * users, to the one in PATH. python ignores SIGPIPE, and children would inherit that.
 */
const droppers = (uid: string, gid: string): ReadonlyArray<string> => [
  ...["setpriv", "/usr/bin/setpriv"].map(
    (program) =>
      `${program} --reuid=${uid} --regid=${gid} --clear-groups --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs`,
  ),
  `perl -e ${shellQuote(`$) = "${gid} ${gid}"; $( = ${gid}; $< = ${uid}; $> = ${uid}; exec { $ARGV[0] } @ARGV or exit 127`)} --`,
  `python3 -S -E -c ${shellQuote(`import os, sys, _signal; _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL); os.setgroups([]); os.setresgid(${gid}, ${gid}, ${gid}); os.setresuid(${uid}, ${uid}, ${uid}); os.execvp(sys.argv[1], sys.argv[1:])`)}`,
]

/** A script for `sh -c` that switches to a user and then runs its arguments. A tool that is installed but does not work is skipped. */
const becoming = (user: string): string => {
  const [uid = "", gid = ""] = user.split(":")
  return [
    ...droppers(uid, gid).map(
      (drop) => `if ${drop} /bin/sh -c : </dev/null >/dev/null 2>&1; then exec ${drop} "$@"; fi`,
    ),
    `echo ${shellQuote(NO_TOOL)} >&2`,
    "exit 125",
  ].join("\n")
}

/** A command as the agent, for `machine exec`: with `--user` if the version has it, otherwise by switching the user in the machine. */
export const asAgent = (
  { execUser }: { readonly execUser: boolean },
  user: string,
  command: ReadonlyArray<string>,
): { readonly command: ReadonlyArray<string>; readonly user?: string } =>
  execUser ? { command, user } : { command: ["/bin/sh", "-c", becoming(user), "bot-bottle", ...command] }

/** A command as root, for `machine exec`. */
export const asRoot = ({ execUser }: { readonly execUser: boolean }): { readonly user?: string } =>
  execUser ? { user: "0:0" } : {}

/** Refuses a plan without a user, or with root. A pack does not contain its image's user. */
export const acceptUser = ({ user }: BottlePlan): Effect.Effect<void, LaunchRefused> => {
  if (user === undefined) {
    return refuse(
      'smolvm does not keep the user of an image, and would run the agent as root: name the agent\'s user in the bottle manifest (user: "1000:1000")',
    )
  }
  return /^(0+|root)(:|$)/.test(user) ? rootRefused(user) : Effect.void
}

const rootRefused = (user: string) =>
  refuse(
    `the agent's user "${user}" is root, who has all capabilities in a machine of smolvm: name another in the bottle manifest (user: "1000:1000")`,
  )

/** Prints `uid:gid` of a user as an image names it: a name or a number, with or without a group. A number without an entry has group 0. */
const lookUp = (user: string): string => `
user=${shellQuote(user.split(":")[0] ?? "")} group=${shellQuote(user.split(":")[1] ?? "")} uid= gid=
case $user in *[!0-9]*) ;; *) uid=$user gid=0 ;; esac
[ ! -r /etc/passwd ] || while IFS=: read -r name _ id first _; do
  if [ "$name" = "$user" ] || [ "$id" = "$user" ]; then uid=$id gid=$first; break; fi
done </etc/passwd
if [ "$group" ]; then
  case $group in *[!0-9]*) gid= ;; *) gid=$group ;; esac
  [ ! -r /etc/group ] || while IFS=: read -r name _ id _; do
    if [ "$name" = "$group" ]; then gid=$id; break; fi
  done </etc/group
fi
echo "$uid:$gid"`

/** Prints `uid:gid` with the shell only. */
const WHO = `while read -r key id rest; do case $key in Uid:|Gid:) echo "$id";; esac; done </proc/self/status`

/**
 * Numeric `uid:gid` of the agent in a running machine. Refused when it is root, unknown, or when no tool in the image can switch to
 * that user.
 */
export const agentUser = Effect.fn("Machine.agentUser")(function* (
  smolvm: Smolvm,
  call: SmolvmCall,
  name: string,
  plan: BottlePlan,
) {
  yield* acceptUser(plan)
  const features = yield* smolvm.features
  const wanted = plan.user ?? ""
  const found = yield* inMachine(smolvm, call, name, ["/bin/sh", "-c", lookUp(wanted)], asRoot(features))
  const ids = found
    .trim()
    .split(":")
    .map((id) => (/^\d+$/.test(id) ? Number(id) : ID_MAX + 1))
  if (ids.length !== 2 || ids.some((id) => id > ID_MAX)) {
    return yield* refuse(
      `image "${plan.image}" has no user "${wanted}": name an existing one, or use numbers`,
    )
  }
  if (ids[0] === 0) return yield* rootRefused(wanted)
  const user = ids.join(":")
  const { command, ...options } = asAgent(features, user, ["/bin/sh", "-c", WHO])
  const result = yield* smolvm.run(call, execArguments(name, command, options))
  if (result.stderr.includes(NO_TOOL)) {
    return yield* refuse(
      `image "${plan.image}" has nothing that changes the user, and smolvm ${features.version} runs everything in it as root: install one of setpriv, perl or python3 in it, or use a smolvm with "machine exec --user"`,
    )
  }
  if (result.exitCode !== 0) return yield* smolvm.refusal(call, result)
  const seen = result.stdout.trim().split("\n").join(":")
  return seen === user
    ? user
    : yield* refuse(`smolvm ${features.version} runs the agent as ${seen}, not as ${user}`)
})
