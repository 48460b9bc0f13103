/** Faults of a simulated Gitea's responses, on demand. */

/** Which requests a fault applies to; all unless restricted. `path` matches a part of the path with its query. */
export interface FaultTarget {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE"
  readonly path?: string
  /** How many requests; 1 unless given. */
  readonly times?: number
}

/** The kind of fault. `status`, `slow` and `refused` happen before the request has an effect; the others after it. */
export type Fault = FaultTarget &
  (
    | {
        readonly kind: "status"
        readonly status: number
        readonly body?: string
        readonly headers?: Readonly<Record<string, string>>
      }
    /** No response, until the client disconnects. */
    | { readonly kind: "slow" }
    /** The connection is closed at once. */
    | { readonly kind: "refused" }
    /** The request takes effect, and the connection is closed without a response. */
    | { readonly kind: "lost" }
    /** The right status, and half of the body. */
    | { readonly kind: "cut-off" }
    /** The right status and half of the body, then nothing until the client disconnects. */
    | { readonly kind: "stalled" }
    /** The right status with another body. */
    | { readonly kind: "body"; readonly body: string; readonly contentType?: string }
  )

/** The right status with the JSON `null`. */
export const nullBody = { kind: "body", body: "null" } as const
/** The right status without a body. */
export const emptyBody = { kind: "body", body: "" } as const
/** The right status with a web page. */
export const htmlBody = {
  kind: "body",
  body: "<!DOCTYPE html><html><body>Sign in</body></html>",
  contentType: "text/html; charset=utf-8",
} as const

/** Faults that wait for a matching request, in order. */
export class Faults {
  private waiting: Array<{ readonly fault: Fault; left: number }> = []

  add(fault: Fault): void {
    this.waiting.push({ fault, left: fault.times ?? 1 })
  }

  /** The fault for this request, if any. */
  take(method: string, path: string): Fault | undefined {
    const hit = this.waiting.find(
      ({ fault }) =>
        (fault.method ?? method) === method && (fault.path === undefined || path.includes(fault.path)),
    )
    if (hit === undefined) return undefined
    hit.left -= 1
    this.waiting = this.waiting.filter(({ left }) => left > 0)
    return hit.fault
  }

  clear(): void {
    this.waiting = []
  }
}
