/**
 * The system calls that a bottle may make: a default-deny list in the JSON format of docker and podman. `--network none` alone leaves
 * AF_VSOCK, io_uring and user namespaces open; this closes them. The engine skips names that the host's libseccomp does not know, so
 * newer names are harmless.
 */

interface Argument {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number
  readonly op: "SCMP_CMP_EQ" | "SCMP_CMP_MASKED_EQ"
}

interface Rule {
  readonly names: ReadonlyArray<string>
  readonly action: "SCMP_ACT_ALLOW" | "SCMP_ACT_ERRNO"
  readonly args?: ReadonlyArray<Argument>
  readonly errnoRet?: number
}

const words = (text: string): ReadonlyArray<string> => text.trim().split(/\s+/)

const files = words(`
  access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
  fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock
  fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr getxattrat
  inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr
  listxattrat llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat name_to_handle_at newfstatat
  open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink
  readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir sendfile setxattr setxattrat splice
  stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink unlinkat utime
  utimensat utimes vmsplice write writev cachestat
`)

const memory = words(`
  brk madvise map_shadow_stack membarrier memfd_create mincore mlock mlock2 mlockall mmap mprotect mremap mseal
  msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
`)

const processes = words(`
  arch_prctl capget capset execve execveat exit exit_group fork getcpu getegid geteuid getgid getgroups getpgid
  getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid getuid ioprio_get
  ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self pidfd_open pidfd_send_signal
  prctl prlimit64 restart_syscall rseq sched_get_priority_max sched_get_priority_min sched_getaffinity
  sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr
  sched_setparam sched_setscheduler sched_yield seccomp set_robust_list get_robust_list set_tid_address setfsgid
  setfsuid setgid setgroups setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid
  sysinfo tgkill times tkill uname vfork wait4 waitid
`)

const signalsAndTime = words(`
  alarm clock_getres clock_gettime clock_nanosleep eventfd eventfd2 getitimer gettimeofday nanosleep pause
  rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
  rt_tgsigqueueinfo setitimer sigaltstack signalfd signalfd4 time timer_create timer_delete timer_getoverrun
  timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime
`)

const waiting = words(`
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old futex
  futex_requeue futex_wait futex_waitv futex_wake io_cancel io_destroy io_getevents io_pgetevents io_setup
  io_submit poll ppoll pselect6 select
`)

const communication = words(`
  accept accept4 bind connect getpeername getrandom getsockname getsockopt listen mq_getsetattr mq_notify mq_open
  mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd recvfrom recvmmsg recvmsg semctl semget
  semop semtimedop sendmmsg sendmsg sendto setsockopt shmat shmctl shmdt shmget shutdown
`)

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (linux/socket.h): no vsock, raw packets, kernel crypto or bluetooth. */
const SOCKET_FAMILIES = [1, 2, 10, 16]

/** Every CLONE_NEW* flag that clone(2) takes (linux/sched.h). */
const CLONE_NAMESPACES = 0x7e020000

/** Allowed arguments of personality(2): plain Linux, 32-bit uname, and the query of the current value. */
const PERSONALITIES = [0, 8, 0xffffffff]

const ENOSYS = 38

const allow = (names: ReadonlyArray<string>, ...args: ReadonlyArray<Argument>): Rule => ({
  names,
  action: "SCMP_ACT_ALLOW",
  ...(args.length > 0 && { args }),
})

const equals = (value: number): Argument => ({ index: 0, value, op: "SCMP_CMP_EQ" })

/** The profile for `--security-opt seccomp=<file>`. Calls that are not listed return EPERM. */
export const seccompProfile = {
  defaultAction: "SCMP_ACT_ERRNO",
  // Only the native architecture: 32-bit and x32 calls (including socketcall) have other numbers, and kill the process.
  archMap: [
    { architecture: "SCMP_ARCH_X86_64", subArchitectures: [] },
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: [] },
  ],
  syscalls: [
    allow([...files, ...memory, ...processes, ...signalsAndTime, ...waiting, ...communication]),
    ...SOCKET_FAMILIES.map((family) => allow(["socket"], equals(family))),
    allow(["socketpair"], equals(1)),
    ...PERSONALITIES.map((persona) => allow(["personality"], equals(persona))),
    allow(["clone"], { index: 0, value: CLONE_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }),
    // Its flags are in memory, where a filter cannot look. libc falls back to clone when it is "not implemented".
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
  ] satisfies ReadonlyArray<Rule>,
}
