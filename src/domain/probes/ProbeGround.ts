/** The ground that probes stand on: what verify sets up outside of a bottle, so that nothing of others is aimed at. */
import type { PlanLimits } from "../Bottle.ts"
import type { Arch } from "../probeMachine/SystemCalls.ts"

/** A listener on this machine that a bottle must not reach. */
export interface GroundListener {
  /** Unique; such as `eth0, 192.0.2.7`, or the address alone. */
  readonly name: string
  readonly address: string
  /** Of TCP and of UDP. */
  readonly port: number
}

/** What probes are made for. Nothing of it is secret: it is in the bottle. */
export interface ProbeGround {
  readonly arch: Arch
  /** 1 at the first launch, 2 after the rehydration. */
  readonly round: number
  readonly slug: string
  readonly limits: PlanLimits
  /** Whether the bottle manifest names root. */
  readonly asRoot: boolean
  /** On addresses of this machine. */
  readonly listeners: ReadonlyArray<GroundListener>
  /** Name of an abstract Unix socket on which is listened, without its zero. */
  readonly abstractSocket: string
  /** Unix sockets of this machine, by what they are: control sockets and necks of this and other bottles. */
  readonly sockets: Readonly<Record<string, string>>
  /** A file of this machine that others may read. */
  readonly file: string
  /** A process of this machine whose number cannot be one of the bottle's. */
  readonly pid?: number
  /** A host on the bottle's allow-list, which is this machine's loopback. */
  readonly listed: { readonly host: string; readonly port: number }
  readonly forge: ForgeGround
  readonly git: GitGround
  /** Name of the bottle's route, a path that it allows, and one that it does not. */
  readonly route: { readonly name: string; readonly allowed: string; readonly denied: string }
}

/** The forge of a ground, and what in it is whose. */
export interface ForgeGround {
  readonly port: number
  /** A path of its API that needs no token, and the one of the run's repository. */
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
  /** As it is called at the neck. */
  readonly name: string
  /** Its `main`. */
  readonly head: string
  /** A commit on top of `main` that may be pushed, and its pack. */
  readonly good: GitPush
  /** One that changes a protected path. */
  readonly bad: GitPush
  /** A commit of `main` from before its protected paths were last changed. */
  readonly old: string
  /** A merge of that commit, with its tree. */
  readonly undone: GitPush
  /** One whose message closes an issue that is not the run's. */
  readonly closing: GitPush
  /** One whose tree has millions of paths in a few objects. */
  readonly bomb: GitPush
}

/** A commit and its objects. */
export interface GitPush {
  readonly commit: string
  readonly pack: Uint8Array
}
