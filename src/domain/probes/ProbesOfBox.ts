/** Probes of the box: capabilities, users, devices, mounts, the machine's files and processes, and limits. */
import { asText, cText, joined, little } from "../probeMachine/ProbeBytes.ts"
import type { Probe, Verdict } from "./Probe.ts"
import { lastWord, oneOf } from "./Probe.ts"
import type { ProbeGround } from "./ProbeGround.ts"
import type { Step } from "../probeMachine/ProbeMachine.ts"
import { IN, wordOf } from "../probeMachine/ProbeMachine.ts"
import { call, closeKept, openFile, poke, readFile, shownBy } from "../probeMachine/ProbeSteps.ts"
import type { SystemCall } from "../probeMachine/SystemCalls.ts"

const AT_FDCWD = -100
const O_WRONLY = 1
const O_RDWR = 2
const O_CREAT = 0o100

/** A line of /proc/self/status. */
const status = (
  name: string,
  expected: string,
  judge: (line: (key: string) => string) => Verdict,
): Probe => ({
  class: "box",
  name,
  expected,
  steps: readFile("/proc/self/status", 2),
  judge: (outcomes) => {
    const shown = asText(shownBy(outcomes))
    return judge((key) => new RegExp(`^${key}:\\s+(.*)$`, "m").exec(shown)?.[1] ?? "?")
  },
})

const capabilities = (key: string, name: string): Probe =>
  status(`capabilities: ${name}`, "none", (line) => {
    const mask = line(key)
    return { ok: /^0+$/.test(mask), seen: /^0+$/.test(mask) ? "none" : mask }
  })

const attempt = (
  probe: Pick<Probe, "class" | "name"> & {
    readonly steps: ReadonlyArray<Step>
    readonly fine?: ReadonlyArray<string>
    readonly expected?: string
  },
): Probe => ({
  class: probe.class,
  name: probe.name,
  expected: probe.expected ?? "refused",
  steps: probe.steps,
  judge: (outcomes) => oneOf(probe.fine ?? ["EPERM"], lastWord(outcomes)),
})

const becoming = (name: string, number: SystemCall, args: ReadonlyArray<number>): Probe =>
  attempt({ class: "box", name, steps: [call(number, args, { apart: true })] })

/** Version 3, with every capability permitted and effective (linux/capability.h). */
const ALL_CAPABILITIES = joined([
  little(4, 0x2008_0522),
  little(4, 0),
  ...Array.from({ length: 2 }, () => joined([little(4, -1), little(4, -1), little(4, 0)])),
])

const S_IFCHR = 0o20_000
const S_IFBLK = 0o60_000

const node = (name: string, kind: number, device: number): Probe =>
  attempt({
    class: "box",
    name,
    steps: [
      poke(cText("/tmp/bot-bottle-verify-node")),
      call("mknodat", [AT_FDCWD, IN, kind + 0o600, device], { apart: true }),
    ],
    fine: ["EPERM", "EACCES", "EROFS"],
  })

/** Users and capabilities. */
const privileges = ({ asRoot }: ProbeGround): ReadonlyArray<Probe> => [
  capabilities("CapEff", "effective"),
  capabilities("CapPrm", "permitted"),
  capabilities("CapInh", "inheritable"),
  capabilities("CapBnd", "bounding"),
  capabilities("CapAmb", "ambient"),
  status("gaining privileges by a program", "no_new_privs is set", (line) => ({
    ok: line("NoNewPrivs") === "1",
    seen: line("NoNewPrivs") === "1" ? "no_new_privs is set" : "no_new_privs is not set",
  })),
  status("a list of system calls", "there is one", (line) => ({
    ok: line("Seccomp") === "2",
    seen: line("Seccomp") === "2" ? "there is one" : `mode ${line("Seccomp")}`,
  })),
  ...(asRoot
    ? []
    : [
        status("the user", "not root", (line) => {
          const ids = line("Uid").split(/\s+/)
          return {
            ok: ids.length === 4 && !ids.includes("0"),
            seen: ids[0] === "0" ? "root" : `user ${ids[0]}`,
          }
        }),
        becoming("becoming root, by setuid", "setuid", [0]),
        becoming("becoming root, by setresuid", "setresuid", [0, 0, 0]),
        becoming("root's group, by setgid", "setgid", [0]),
        becoming("more groups, by setgroups", "setgroups", [0, 0]),
      ]),
  attempt({
    class: "box",
    name: "capabilities, by capset",
    steps: [poke(ALL_CAPABILITIES), call("capset", [IN, IN + 8], { apart: true })],
  }),
  node("a device of a disk, by mknod", S_IFBLK, 0x800),
  node("a device of memory, by mknod", S_IFCHR, 0x101),
]

/** It does not exist, or this user may not access it. */
const ABSENT = ["ENOENT", "EPERM", "EACCES", "ENXIO", "ENODEV", "ENOTDIR"]

const opens = (name: string, path: string, flags: number, fine: ReadonlyArray<string> = ABSENT): Probe => {
  const opened = openFile(path, flags)
  return {
    class: "files",
    name,
    expected: "not there, or refused",
    steps: [...opened, closeKept],
    judge: (outcomes) => oneOf(fine, lastWord(outcomes.slice(0, opened.length))),
  }
}

const DEVICES = ["mem", "kmsg", "port", "kvm", "fuse", "net/tun", "vsock", "vhost-vsock", "loop-control"]

/** Disks and similar devices, by their usual names. */
const DISKS = [
  "sda sda1 vda vda1 xvda xvda1 nvme0 nvme0n1 nvme0n1p1 mmcblk0 dm-0 md0 loop0 mapper/control btrfs-control",
  "uinput input/event0 snd/controlC0 video0 dri/card0 dri/renderD128 nvidia0 kfd vhost-net userfaultfd cuse watchdog",
].flatMap((names) => names.split(" "))

const disks: Probe = {
  class: "files",
  name: "devices of disks, sound, pictures and computing",
  expected: "not there, or refused",
  steps: DISKS.flatMap((name) => openFile(`/dev/${name}`, O_RDWR)),
  judge: (outcomes) => {
    const open = DISKS.filter((_, at) => !ABSENT.includes(lastWord(outcomes.slice(0, at * 2 + 2))))
    return {
      ok: open.length === 0,
      seen: open.length === 0 ? "not there" : `can be opened: ${open.join(", ")}`,
    }
  },
}

/** Read-only, or not accessible to this user. */
const LOCKED = [...ABSENT, "EROFS", "EINVAL", "EIO"]

const SWITCHES = {
  "the program that takes core dumps": "/proc/sys/kernel/core_pattern",
  "keys to the kernel (sysrq)": "/proc/sysrq-trigger",
  "the kernel's program for modules": "/proc/sys/kernel/modprobe",
  "the kernel's program for events": "/sys/kernel/uevent_helper",
  "settings of memory": "/proc/sys/vm/overcommit_memory",
  interrupts: "/proc/irq/0/smp_affinity",
  "the bottle's own limits (cgroup 2)": "/sys/fs/cgroup/memory.max",
  "the bottle's own limits (cgroup 1)": "/sys/fs/cgroup/memory/memory.limit_in_bytes",
  "the program that ends control groups": "/sys/fs/cgroup/release_agent",
} as const

/** Files with contents of the machine. Masked ones are empty. */
const SECRETIVE = {
  "the machine's memory": "/proc/kcore",
  "the machine's keys": "/proc/keys",
  "the machine's timers": "/proc/timer_list",
  "the machine's firmware": "/sys/firmware/dmi/tables/DMI",
} as const

const empty = (name: string, path: string): Probe => ({
  class: "files",
  name: `reading ${name}`,
  expected: "nothing",
  steps: readFile(path),
  judge: (outcomes) => {
    const { length } = shownBy(outcomes)
    return { ok: length === 0, seen: length === 0 ? "nothing" : `${length} bytes` }
  },
})

/** What an engine mounts into every container, in addition to the bottle's own directory. */
const USUAL_MOUNTS =
  /^\/($|run\/bottle$|proc($|\/)|sys($|\/)|dev($|\/)|etc\/(hosts|hostname|resolv\.conf)$|run\/\.containerenv$|run\/secrets$|(s?bin|dev|run)\/(docker|podman)-init$)/

const mounts: Probe = {
  class: "files",
  name: "mounts of the bottle",
  expected: "the engine's usual ones, and /run/bottle to read",
  steps: readFile("/proc/self/mountinfo", 12),
  judge: (outcomes) => {
    const rows = asText(shownBy(outcomes))
      .split("\n")
      .filter((line) => line !== "")
    const found = rows.map((row) => row.split(" "))
    const strange = found.map(([, , , , at = ""]) => at).filter((at) => !USUAL_MOUNTS.test(at))
    const own = found.filter(([, , , , at]) => at === "/run/bottle")
    const readOnly = own.length === 1 && /^ro(,|$)/.test(own[0]?.[5] ?? "")
    return strange.length > 0
      ? { ok: false, seen: `also mounted: ${strange.slice(0, 3).join(", ")}` }
      : { ok: readOnly, seen: readOnly ? "those" : "/run/bottle is not mounted to read" }
  },
}

const own = (name: string, steps: ReadonlyArray<Step>): Probe =>
  attempt({ class: "files", name, steps, fine: ["EROFS", "EACCES", "EPERM", "ENOENT"] })

const hostProcess = (pid: number): Probe => ({
  class: "box",
  name: "a process of this machine",
  expected: "not there",
  steps: [call("kill", [pid, 0])],
  judge: (outcomes) => oneOf(["ESRCH"], lastWord(outcomes)),
})

/** Devices, mounts, and files of the machine. */
const files = (ground: ProbeGround): ReadonlyArray<Probe> => [
  mounts,
  ...DEVICES.map((name) => opens(`the device /dev/${name}`, `/dev/${name}`, O_RDWR)),
  disks,
  ...Object.entries(SWITCHES).map(([name, path]) => opens(`writing ${name}`, path, O_WRONLY, LOCKED)),
  ...Object.entries(SECRETIVE).map(([name, path]) => empty(name, path)),
  opens("a file of this machine", ground.file, 0),
  own("writing beside the neck", openFile("/run/bottle/written", O_WRONLY + O_CREAT)),
  own("another program in place of the neck's", openFile("/run/bottle/bin/enter", O_WRONLY)),
  own("removing the neck", [poke(cText("/run/bottle/neck.sock")), call("unlinkat", [AT_FDCWD, IN, 0])]),
  attempt({
    class: "files",
    name: "a second name of the neck",
    steps: [
      poke(cText("/run/bottle/neck.sock")),
      poke(cText("/tmp/bot-bottle-verify-neck"), IN + 64),
      call("linkat", [AT_FDCWD, IN, AT_FDCWD, IN + 64, 0]),
    ],
    fine: ["EXDEV", "EROFS", "EPERM", "EACCES"],
  }),
]

/** Everything about the box except its limits. */
export const boxProbes = (ground: ProbeGround): ReadonlyArray<Probe> => [
  ...privileges(ground),
  ...(ground.pid === undefined ? [] : [hostProcess(ground.pid)]),
  ...files(ground),
]

const SIGCHLD = 17
const PROT_READ_WRITE = 3
const MAP_PRIVATE_ANONYMOUS_POPULATE = 0x8022

const MIB = 1024 * 1024

/** Allocates more memory than the bottle may have, in its own process. */
const memory = ({ limits }: ProbeGround): Probe => ({
  class: "limits",
  name: `more memory than ${Math.round(limits.memoryBytes / MIB)} MiB`,
  expected: "ends its process",
  steps: [
    call("mmap", [0, limits.memoryBytes + 64 * MIB, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_POPULATE, -1, 0], {
      apart: true,
    }),
  ],
  judge: (outcomes) => oneOf(["SIGKILL", "ENOMEM"], lastWord(outcomes)),
})

/** Its children sleep until the bottle ends, so nothing can be tried after it. */
const forks = ({ limits }: ProbeGround): Probe => ({
  class: "limits",
  name: `more processes than ${limits.pids}`,
  expected: "refused",
  steps: [call("clone", [SIGCHLD], { childRests: true, times: limits.pids + 8 })],
  judge: ([outcome]) => {
    const word = outcome === undefined ? "nothing" : wordOf(outcome)
    return {
      ok: word === "EAGAIN",
      seen: word === "EAGAIN" ? "refused" : `${word} at the ${outcome?.done}th`,
    }
  },
})

/** Limits of memory and processes. These are the last probes. */
export const limitProbes = (ground: ProbeGround): ReadonlyArray<Probe> => [memory(ground), forks(ground)]
