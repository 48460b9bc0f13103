/** Deliveries of a real Gitea's webhooks that were recorded, in the order in which they arrived. */
import { readdirSync, readFileSync } from "node:fs"
import type { Received } from "./hookReceiver.ts"

/** The secret that signed all of them. */
export const RECORDED_SECRET = "s3cret-of-the-hook"

/** A delivery, and what was done. */
export interface RecordedDelivery extends Received {
  readonly step: string
}

const FIXTURES = new URL("../fixtures/gitea/webhooks/", import.meta.url)

/** All of them. */
export const recordedDeliveries: ReadonlyArray<RecordedDelivery> = readdirSync(FIXTURES)
  .sort()
  .map((name) => JSON.parse(readFileSync(new URL(name, FIXTURES), "utf8")) as RecordedDelivery)
