// Signed webhooks as a Gitea sends them, each with an id of its own.
import { createHmac, randomUUID } from "node:crypto"
import { Agent, request } from "node:http"
import { HOOK_SECRET } from "./fakeService.mjs"
import { issueOf } from "./fixtures.mjs"
import { quantile } from "./measure.mjs"

const bodies = Array.from({ length: 100 }, (_, at) =>
  Buffer.from(
    JSON.stringify({
      action: "edited",
      number: at + 1,
      issue: issueOf(at + 1),
      repository: { id: 1, name: "tool1", full_name: "acme/tool1", owner: { id: 2, login: "acme" } },
      sender: { id: 2, login: "acme" },
    }),
  ),
).map((body) => ({ body, signature: createHmac("sha256", HOOK_SECRET).update(body).digest("hex") }))

/** Sends one; returns the milliseconds until the response, which must be 202. */
const send = (url, agent, at) =>
  new Promise((resolve, reject) => {
    const { body, signature } = bodies[at % bodies.length]
    const begun = performance.now()
    const headers = {
      "content-type": "application/json",
      "content-length": body.length,
      "x-gitea-delivery": randomUUID(),
      "x-gitea-event": "issues",
      "x-gitea-event-type": "issues",
      "x-gitea-signature": signature,
    }
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      response.resume()
      response.once("end", () =>
        response.statusCode === 202
          ? resolve(performance.now() - begun)
          : reject(new Error(`a webhook was answered with ${response.statusCode}`)),
      )
    })
    sent.once("error", reject)
    sent.end(body)
  })

/** Sends that many per second without waiting for responses; returns the p99 of their times in milliseconds. */
export const steadily = async (url, { rate, seconds }) => {
  const agent = new Agent({ keepAlive: true })
  const begun = performance.now()
  const times = []
  for (let at = 0; at < rate * seconds; at += 1) {
    const wait = begun + (at * 1000) / rate - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    times.push(send(url, agent, at))
  }
  const all = await Promise.all(times)
  agent.destroy()
  return quantile(all, 0.99)
}

/** Sends that many, one after the other on each connection; returns the milliseconds for each. */
export const together = async (url, { connections, count }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  let sent = 0
  const connection = async () => {
    while (sent < count) await send(url, agent, (sent += 1))
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: connections }, connection))
  const each = (performance.now() - begun) / count
  agent.destroy()
  return each
}
