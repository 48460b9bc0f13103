// One call of the forge: post.cjs NECK COMMAND [NAME=VALUE]... < BODY. Exit 0 ok, 3 out of scope, 1 anything else.
"use strict"
const http = require("http")

const base = process.argv[2].replace(/\/$/, "")
const query = process.argv.slice(4).map((pair) => {
  const at = pair.indexOf("=")
  return `${pair.slice(0, at)}=${encodeURIComponent(pair.slice(at + 1))}`
})

const fail = (reason) => {
  process.stderr.write(`forge: ${reason}\n`)
  process.exitCode = 1
}

const tell = (status, text) => {
  if (status === 200) return process.stdout.write(text)
  process.exitCode = status === 403 ? 3 : 1
  const said = text.length > 0 ? text.toString() : `the neck answered ${status}`
  process.stderr.write(said.endsWith("\n") ? said : `${said}\n`)
}

const collect = (readable, onEnd) => {
  const pieces = []
  readable.on("data", (piece) => pieces.push(piece))
  readable.on("end", () => onEnd(Buffer.concat(pieces)))
}

collect(process.stdin, (body) => {
  let answered = false
  const request = http.request(
    `${base}/forge/${process.argv[3]}?${query.join("&")}`,
    {
      method: "POST",
      agent: false,
      timeout: 300000,
      headers: { "content-type": "text/plain; charset=utf-8", "content-length": body.length },
    },
    (response) => {
      answered = true
      response.on("aborted", () => fail("the answer was cut off"))
      response.on("error", () => undefined)
      collect(response, (text) => tell(response.statusCode, text))
    },
  )
  request.on("timeout", () => request.destroy())
  request.on("error", () => answered || fail("the neck does not answer"))
  request.end(body)
})
