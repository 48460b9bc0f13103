/** The ground of probes: the targets that `verify` sets up outside of a bottle, so that no third party is probed. */
import type { PlanLimits } from "../Bottle.ts"
import type { Arch } from "../probeMachine/SystemCalls.ts"

/** A listener on this machine that a bottle must not reach. */
export interface GroundListener {
  /** Unique, such as `eth0, 192.0.2.7`, or the address alone. */
  readonly name: string
  readonly address: string
  /** Of TCP and of UDP. */
  readonly port: number
}

/** What probes are built from. None of it is secret, because it is put into the bottle. */
export interface ProbeGround {
  readonly arch: Arch
  /** 1 at the first launch, 2 after the rehydration. */
  readonly round: number
  readonly slug: string
  readonly limits: PlanLimits
  /** Whether the bottle manifest names root as the user. */
  readonly asRoot: boolean
  /** On addresses of this machine. */
  readonly listeners: ReadonlyArray<GroundListener>
  /** Name of an abstract Unix socket with a listener, without its leading zero. */
  readonly abstractSocket: string
  /** Unix sockets of this machine, by kind: control sockets and necks of this and other bottles. */
  readonly sockets: Readonly<Record<string, string>>
  /** A file of this machine that other users may read. */
  readonly file: string
  /** A process of this machine whose PID cannot exist in the bottle. */
  readonly pid?: number
  /** A host on the bottle's allow-list that is this machine's loopback. */
  readonly listed: { readonly host: string; readonly port: number }
  readonly forge: ForgeGround
  readonly git: GitGround
  /** Name of the bottle's route, a path that it allows, and a path that it does not. */
  readonly route: { readonly name: string; readonly allowed: string; readonly denied: string }
}

/** The forge of a ground, and who owns what in it. */
export interface ForgeGround {
  readonly port: number
  /** A path of its API that needs no token, and that of the run's repository. */
  readonly api: { readonly open: string; readonly repository: string }
  /** The run's issue. */
  readonly issue: number
  /** An issue that is not the run's. */
  readonly other: number
  /** A stranger's pull request that says it closes the run's issue. */
  readonly strangersPr: number
}

/** The upstream of a ground. */
export interface GitGround {
  /** Its name at the neck. */
  readonly name: string
  /** The commit of its `main`. */
  readonly head: string
  /** A commit on top of `main` that may be pushed, and its pack. */
  readonly good: GitPush
  /** A commit that changes a protected path. */
  readonly bad: GitPush
  /** A commit of `main` from before its protected paths were last changed. */
  readonly old: string
  /** A merge of that commit, with its tree. */
  readonly undone: GitPush
  /** A commit whose message closes an issue that is not the run's. */
  readonly closing: GitPush
  /** A commit whose tree has millions of paths in a few objects. */
  readonly bomb: GitPush
}

/** A commit and its objects. */
export interface GitPush {
  readonly commit: string
  readonly pack: Uint8Array
}
