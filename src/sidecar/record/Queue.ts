/** Queue takes what a sidecar reports to the watcher of its bottle. */
import { Context, type Effect, Layer } from "effect"
import type { SidecarError } from "../../domain/Errors.ts"
import type { QueueEvent } from "../../domain/QueueEvent.ts"
import * as QueueDir from "./QueueDir.ts"

/** Queue takes the events of a bottle. */
export class Queue extends Context.Tag("bot-bottle/sidecar/Queue")<
  Queue,
  {
    /** Adds an event and returns its number, once it would survive a power cut. */
    readonly append: (event: QueueEvent) => Effect.Effect<number, SidecarError>
  }
>() {}

/** The queue in a directory, which is made with the first event. */
export const layer = (directory: string): Layer.Layer<Queue> =>
  Layer.succeed(Queue, { append: (event) => QueueDir.append(directory, event) })
