/** Probes of the kernel: socket families, and system calls that a bottle must not have. */
import { cText, joined, little } from "../probeMachine/ProbeBytes.ts"
import type { Probe } from "./Probe.ts"
import { lastWord, oneOf } from "./Probe.ts"
import type { ProbeGround } from "./ProbeGround.ts"
import type { Step } from "../probeMachine/ProbeMachine.ts"
import { IN, OUT, wordOf } from "../probeMachine/ProbeMachine.ts"
import { call, poke } from "../probeMachine/ProbeSteps.ts"
import type { SystemCall } from "../probeMachine/SystemCalls.ts"

/** The system call filter refused it, or this kernel does not have it. */
const REFUSED = ["EPERM", "ENOSYS", "SIGSYS"]

/** A kernel without the family returns this before any filter is asked. */
const NO_FAMILY = [...REFUSED, "EAFNOSUPPORT"]

/** Names of socket families (linux/socket.h). 1, 2, 10 and 16 are allowed in a bottle. */
const FAMILIES: Readonly<Record<string, readonly [number, number, number]>> = {
  "vsock (streams)": [40, 1, 0],
  "vsock (datagrams)": [40, 2, 0],
  "packet (raw)": [17, 3, 768],
  "packet (datagrams)": [17, 2, 768],
  "the kernel's crypto": [38, 5, 0],
  bluetooth: [31, 3, 1],
  CAN: [29, 3, 1],
  TIPC: [30, 1, 0],
  KCM: [41, 5, 0],
  QIPCRTR: [42, 2, 0],
  SMC: [43, 1, 0],
  XDP: [44, 3, 0],
  RDS: [21, 5, 0],
  key: [15, 3, 2],
  "key management of rxrpc": [33, 2, 2],
  X25: [9, 5, 0],
  AX25: [3, 5, 0],
  appletalk: [5, 2, 0],
  NFC: [39, 5, 0],
  phonet: [35, 2, 0],
}

const family = (name: string, [number, type, protocol]: readonly [number, number, number]): Probe => ({
  class: "sockets",
  name: `a socket of ${name}`,
  expected: "refused",
  steps: [call("socket", [number, type, protocol])],
  judge: (outcomes) => oneOf(NO_FAMILY, lastWord(outcomes)),
})

/** All other numbers that a family has, or may get. */
const others: Probe = (() => {
  const named = new Set([1, 2, 10, 16, ...Object.values(FAMILIES).map(([number]) => number)])
  const numbers = Array.from({ length: 64 }, (_, number) => number).filter((number) => !named.has(number))
  return {
    class: "sockets",
    name: "sockets of all other families",
    expected: "refused",
    steps: numbers.map((number) => call("socket", [number, 2, 0])),
    judge: (outcomes) => {
      const open = numbers.filter((_, at) => {
        const outcome = outcomes[at]
        return outcome === undefined || !NO_FAMILY.includes(wordOf(outcome))
      })
      return {
        ok: open.length === 0,
        seen: open.length === 0 ? "refused" : `not refused: ${open.join(", ")}`,
      }
    },
  }
})()

const pairs: Probe = {
  class: "sockets",
  name: "a pair of Internet sockets",
  expected: "refused",
  steps: [call("socketpair", [2, 1, 0, OUT])],
  judge: (outcomes) => oneOf([...NO_FAMILY], lastWord(outcomes)),
}

/** Socket families other than Unix, IPv4, IPv6 and netlink. */
export const socketProbes = (): ReadonlyArray<Probe> => [
  ...Object.entries(FAMILIES).map(([name, numbers]) => family(name, numbers)),
  others,
  pairs,
]

/** Arguments of a call. If the call were allowed, each would have an effect or fail because of its arguments. */
interface Denied {
  readonly name: string
  readonly call: SystemCall
  readonly args?: ReadonlyArray<number>
  readonly data?: Uint8Array
  readonly more?: Partial<Step>
  readonly only?: "x64"
}

const NEW = {
  user: 0x1000_0000,
  mount: 0x0002_0000,
  network: 0x4000_0000,
  processes: 0x2000_0000,
  cgroup: 0x0200_0000,
}
const SIGCHLD = 17

/** Unlike PTRACE_ATTACH it stops no process if it is allowed. */
const PTRACE_SEIZE = 0x4206

const unshare = (what: keyof typeof NEW): Denied => ({
  name: `a new ${what === "processes" ? "namespace of processes" : `${what} namespace`}, by unshare`,
  call: "unshare",
  args: [NEW[what]],
})

const DENIED: ReadonlyArray<Denied> = [
  { name: "io_uring: setting up", call: "io_uring_setup", args: [4, OUT] },
  { name: "io_uring: entering", call: "io_uring_enter", args: [-1, 0, 0, 0, 0] },
  { name: "io_uring: registering", call: "io_uring_register", args: [-1, 0, 0, 0] },
  unshare("user"),
  unshare("mount"),
  unshare("network"),
  unshare("processes"),
  unshare("cgroup"),
  { name: "a new user namespace, by clone", call: "clone", args: [NEW.user + SIGCHLD] },
  { name: "a new network namespace, by clone", call: "clone", args: [NEW.network + SIGCHLD] },
  { name: "clone3, whose flags no list sees", call: "clone3", args: [IN, 64], data: cloneArguments() },
  { name: "entering another namespace", call: "setns", args: [-1, 0] },
  { name: "mount of a tmpfs", call: "mount", args: [IN, IN + 8, IN, 0, 0], data: cText("tmpfs\0\0\0/tmp") },
  { name: "mount over itself", call: "mount", args: [IN, IN, 0, 4096, 0], data: cText("/tmp") },
  { name: "unmount", call: "umount2", args: [IN, 2], data: cText("/none") },
  { name: "another root, by pivot_root", call: "pivot_root", args: [IN, IN], data: cText("/tmp") },
  { name: "open_tree", call: "open_tree", args: [-100, IN, 1], data: cText("/") },
  { name: "move_mount", call: "move_mount", args: [-1, IN, -1, IN, 0], data: cText("/") },
  { name: "fsopen", call: "fsopen", args: [IN, 0], data: cText("tmpfs") },
  { name: "fsmount", call: "fsmount", args: [-1, 0, 0] },
  { name: "mount_setattr", call: "mount_setattr", args: [-100, IN, 0, OUT, 32], data: cText("/run/bottle") },
  { name: "ptrace of the bottle's init", call: "ptrace", args: [PTRACE_SEIZE, 1, 0, 0] },
  { name: "ptrace of itself", call: "ptrace", args: [0, 0, 0, 0] },
  { name: "reading another process's memory", call: "process_vm_readv", args: [1, OUT, 0, OUT, 0, 0] },
  { name: "writing another process's memory", call: "process_vm_writev", args: [1, OUT, 0, OUT, 0, 0] },
  { name: "advising another process's memory", call: "process_madvise", args: [-1, OUT, 0, 0, 0] },
  { name: "another process's descriptors", call: "pidfd_getfd", args: [-1, 0, 0] },
  { name: "comparing processes", call: "kcmp", args: [1, 1, 0, 0, 0] },
  { name: "moving another process's pages", call: "move_pages", args: [1, 0, 0, 0, 0, 0] },
  { name: "keyrings: keyctl", call: "keyctl", args: [0, -3, 0, 0, 0] },
  { name: "keyrings: add_key", call: "add_key", args: [IN, IN, IN, 4, -3], data: cText("user") },
  { name: "keyrings: request_key", call: "request_key", args: [IN, IN, 0, -3], data: cText("user") },
  { name: "bpf", call: "bpf", args: [0, OUT, 72] },
  { name: "perf events", call: "perf_event_open", args: [OUT, 0, -1, -1, 0] },
  { name: "userfaultfd", call: "userfaultfd", args: [1] },
  { name: "fanotify", call: "fanotify_init", args: [0, 0] },
  { name: "a file by its handle", call: "open_by_handle_at", args: [-1, OUT, 0] },
  { name: "memory that the kernel cannot see", call: "memfd_secret", args: [0] },
  { name: "loading a module", call: "init_module", args: [OUT, 0, IN], data: cText("") },
  { name: "loading a module from a file", call: "finit_module", args: [-1, IN, 0], data: cText("") },
  { name: "unloading a module", call: "delete_module", args: [IN, 0], data: cText("none") },
  { name: "another kernel, by kexec", call: "kexec_load", args: [0, 0, 0, 0] },
  { name: "another kernel from a file", call: "kexec_file_load", args: [-1, -1, 0, 0, 0] },
  // With a wrong magic number it has no effect even if it is allowed.
  { name: "reboot", call: "reboot", args: [0, 0, 0, 0] },
  { name: "swap", call: "swapon", args: [IN, 0], data: cText("/none") },
  { name: "process accounting", call: "acct", args: [IN], data: cText("/none") },
  { name: "quotas", call: "quotactl", args: [0, 0, 0, 0] },
  { name: "the clock, by settimeofday", call: "settimeofday", args: [1, 0] },
  { name: "the clock, by clock_settime", call: "clock_settime", args: [0, 1] },
  { name: "the clock, by adjtimex", call: "adjtimex", args: [1] },
  { name: "the clock, by clock_adjtime", call: "clock_adjtime", args: [0, 1] },
  { name: "the kernel's log", call: "syslog", args: [3, OUT, 64] },
  { name: "the name of the machine", call: "sethostname", args: [IN, 4], data: cText("host") },
  { name: "the domain of the machine", call: "setdomainname", args: [IN, 4], data: cText("host") },
  { name: "hanging up a terminal", call: "vhangup" },
  { name: "another personality", call: "personality", args: [0x004_0000] },
  { name: "chroot", call: "chroot", args: [IN], data: cText("/tmp") },
  { name: "ports of the machine, by iopl", call: "iopl", args: [3], only: "x64" },
  { name: "ports of the machine, by ioperm", call: "ioperm", args: [0x80, 1, 1], only: "x64" },
  { name: "segments of its own", call: "modify_ldt", args: [0, OUT, 16], only: "x64" },
]

/** CLONE_NEWUSER and SIGCHLD, as clone3 takes them. */
function cloneArguments(): Uint8Array {
  return joined([little(8, NEW.user), new Uint8Array(24), little(8, SIGCHLD), new Uint8Array(24)])
}

const denied = ({ name, call: number, args = [], data, more }: Denied): Probe => ({
  class: "calls",
  name,
  expected: "refused",
  steps: [...(data === undefined ? [] : [poke(data)]), call(number, args, { apart: true, ...more })],
  judge: (outcomes) => oneOf(REFUSED, lastWord(outcomes)),
})

/** A call through the 32-bit entry has other numbers, which a filter may not know. */
const old: Probe = {
  class: "calls",
  name: "a system call of a 32-bit program",
  expected: "ends its process",
  // 20 is getpid there.
  steps: [call("writev", [], { apart: true, by32: true })],
  judge: (outcomes) => oneOf(["SIGSYS", "SIGSEGV", "ENOSYS", "EPERM"], lastWord(outcomes)),
}

/** System calls. */
export const callProbes = ({ arch }: ProbeGround): ReadonlyArray<Probe> => [
  ...DENIED.filter(({ only }) => only === undefined || only === arch).map(denied),
  ...(arch === "x64" ? [old] : []),
]
