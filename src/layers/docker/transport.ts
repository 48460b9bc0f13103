/** What is read of an engine's objects, and how a container is followed: the part of the driver that has two transports. */
import type { Effect, Scope, Stream } from "effect"
import type { BackendError } from "../../services/Backends.ts"
import type { OutputChunk } from "../../services/ProcessRunner.ts"
import type { Purpose } from "./commandLine.ts"

/** A reader that was attached to a container before it was started. */
export interface Reader {
  /** The output from its first byte. It ends with the container, or when the reader is cut off. */
  readonly output: Stream.Stream<OutputChunk>
  /** Completes when the reader is gone, after the end of its output. */
  readonly gone: Effect.Effect<void>
  /** Whether it is known that the container was started. If not, stderr may have the reason why it was not. */
  readonly isStarted: boolean
}

/** Filters of a list of images. */
export interface ImageFilters {
  readonly reference?: string
  readonly dangling?: boolean
  /** A `key=value`. */
  readonly label?: string
}

/** An image of a list. */
export interface ListedImage {
  readonly id: string
  readonly names: ReadonlyArray<string>
}

/** An engine that takes longer to describe itself, in milliseconds, is unusable. */
export const INFO_TIMEOUT_MS = 20_000

/** What a log contains. */
export interface LogOptions {
  readonly follow?: boolean
  /** Puts the time of each line before it. */
  readonly timestamps?: boolean
}

/** One way to an engine. Objects are returned as the engine describes them. */
export interface Transport {
  /** The engine's description of itself. */
  readonly info: (purpose: Purpose) => Effect.Effect<unknown, BackendError>
  /** Containers by name or ID. Missing ones are left out. */
  readonly containers: (
    purpose: Purpose,
    names: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyArray<unknown>, BackendError>
  /** The IDs of all containers with these labels, each a `key=value`. */
  readonly labelled: (
    purpose: Purpose,
    labels: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyArray<string>, BackendError>
  /** Images by reference or ID. Missing ones are left out. */
  readonly images: (
    purpose: Purpose,
    references: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyArray<unknown>, BackendError>
  readonly listImages: (
    purpose: Purpose,
    filters: ImageFilters,
  ) => Effect.Effect<ReadonlyArray<ListedImage>, BackendError>
  /** Starts a container. It has a reader, in a directory of its run, until the scope closes. */
  readonly start: (
    purpose: Purpose,
    container: string,
    directory: string,
  ) => Effect.Effect<Reader, BackendError, Scope.Scope>
  readonly log: (
    purpose: Purpose,
    container: string,
    options: LogOptions,
  ) => Stream.Stream<OutputChunk, BackendError>
  /** Waits until a container has ended. Returns whether there is such a container. */
  readonly ended: (purpose: Purpose, container: string) => Effect.Effect<boolean, BackendError>
  /** TERM, then KILL after these seconds. Succeeds when it does not run or does not exist. */
  readonly stop: (purpose: Purpose, container: string, seconds: number) => Effect.Effect<void, BackendError>
}
