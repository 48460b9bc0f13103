/** Queue accepts events from a sidecar for the watcher of its bottle. */
import { Context, type Effect, Layer } from "effect"
import type { SidecarError } from "../../domain/Errors.ts"
import type { QueueEvent } from "../../domain/QueueEvent.ts"
import * as QueueDir from "./QueueDir.ts"

/** Queue accepts the events of a bottle. */
export class Queue extends Context.Tag("bot-bottle/sidecar/Queue")<
  Queue,
  {
    /** Adds an event and returns its number, once it would survive a power cut. */
    readonly append: (event: QueueEvent) => Effect.Effect<number, SidecarError>
  }
>() {}

/** The queue in a directory, which is created with the first event. */
export const layer = (directory: string): Layer.Layer<Queue> =>
  Layer.succeed(Queue, { append: (event) => QueueDir.append(directory, event) })
