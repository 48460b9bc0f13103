/** What a bottle's list of system calls must refuse, and how a script tries it. */

/** System calls that a bottle must not have, by their numbers on x86_64 (asm/unistd_64.h), with arguments that would do something. */
export const DENIED_CALLS: Readonly<Record<string, string>> = {
  AF_VSOCK: "41, 40, 1, 0",
  AF_PACKET: "41, 17, 3, 0",
  AF_ALG: "41, 38, 5, 0",
  AF_BLUETOOTH: "41, 31, 3, 0",
  "socketpair of AF_INET": "53, 2, 1, 0",
  io_uring_setup: "425, 4, 0",
  "unshare(CLONE_NEWUSER)": "272, 0x10000000",
  setns: "308, 0, 0",
  mount: "165, 0, 0, 0, 0, 0",
  keyctl: "250, 0, 0, 0, 0, 0",
  add_key: "248, 0, 0, 0, 0, 0",
  request_key: "249, 0, 0, 0, 0",
  bpf: "321, 0, 0, 0",
  ptrace: "101, 0, 0, 0, 0",
  process_vm_readv: "310, 1, 0, 0, 0, 0, 0",
  pidfd_getfd: "438, 0, 0, 0",
  perf_event_open: "298, 0, 0, -1, -1, 0",
  userfaultfd: "323, 0",
  personality: "135, 0x0040000",
  "clone(CLONE_NEWUSER)": "56, 0x10000011, 0, 0, 0, 0",
}

/** A line of a script that makes the call with perl, and prints `allowed` or its errno. */
export const probe = (call: string) =>
  `perl -e 'my $r = syscall(${call}); print(($r == -1 ? "errno " . ($! + 0) : "allowed"), "\\n")'`
