/** What can go wrong with an answer of a simulated Gitea, on demand. */

/** Which requests a fault meets; all when nothing is said. `path` matches a part of the path with its query. */
export interface FaultTarget {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE"
  readonly path?: string
  /** How many requests; 1 unless given. */
  readonly times?: number
}

/** What goes wrong. `status`, `slow` and `refused` come before anything happens; the others after it did. */
export type Fault = FaultTarget &
  (
    | {
        readonly kind: "status"
        readonly status: number
        readonly body?: string
        readonly headers?: Readonly<Record<string, string>>
      }
    /** No answer, until the client goes away. */
    | { readonly kind: "slow" }
    /** The connection ends at once. */
    | { readonly kind: "refused" }
    /** It happens, and the connection ends without an answer. */
    | { readonly kind: "lost" }
    /** The right status, and half of the body. */
    | { readonly kind: "cut-off" }
    /** The right status and half of the body, then nothing, until the client goes away. */
    | { readonly kind: "stalled" }
    /** The right status, and another body. */
    | { readonly kind: "body"; readonly body: string; readonly contentType?: string }
  )

/** The right status and the JSON `null`. */
export const nullBody = { kind: "body", body: "null" } as const
/** The right status and nothing. */
export const emptyBody = { kind: "body", body: "" } as const
/** The right status and a web page. */
export const htmlBody = {
  kind: "body",
  body: "<!DOCTYPE html><html><body>Sign in</body></html>",
  contentType: "text/html; charset=utf-8",
} as const

/** Faults that wait for their request, in order. */
export class Faults {
  private waiting: Array<{ readonly fault: Fault; left: number }> = []

  add(fault: Fault): void {
    this.waiting.push({ fault, left: fault.times ?? 1 })
  }

  /** The fault for this request, if one waits for it. */
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
