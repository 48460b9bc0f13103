// TCP 127.0.0.1:PORT to the neck's socket: forwarder.cjs SOCKET PORT. Prints "ready" once the neck has answered.
"use strict"
const fs = require("fs")
const net = require("net")

const path = process.argv[2]
const port = Number(process.argv[3])
const RETRY_EVERY_MS = 100
const RETRY_FOR_MS = 10000

const leave = (reason) => {
  fs.writeSync(1, `neck: ${reason}\n`)
  process.exit(1)
}

// What enter reads must end: 1 and 2 become /dev/null (the lowest free number is the one just closed).
const letGoOfOutput = () => {
  for (const fd of [1, 2]) {
    fs.closeSync(fd)
    fs.openSync("/dev/null", "w")
  }
}

const connect = (until, onConnected, onGivenUp) => {
  const neck = net.connect({ path, allowHalfOpen: true })
  const retry = () => {
    neck.destroy()
    if (Date.now() > until) return onGivenUp()
    setTimeout(connect, RETRY_EVERY_MS, until, onConnected, onGivenUp)
  }
  neck.once("error", retry)
  neck.once("connect", () => {
    neck.off("error", retry)
    onConnected(neck)
  })
}

const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (caller) => {
  caller.on("error", () => caller.destroy())
  connect(
    Date.now() + RETRY_FOR_MS,
    (neck) => {
      // An early answer must still reach a caller that writes to a neck that has gone.
      neck.on("error", () => caller.end().resume())
      caller.on("close", () => neck.destroy())
      if (caller.destroyed) return neck.destroy()
      caller.pipe(neck)
      neck.pipe(caller)
    },
    () => caller.destroy(),
  )
})

// The idle connection tells the sidecar that somebody is there.
const stayConnected = () => {
  connect(
    Infinity,
    (neck) => {
      neck.on("error", () => undefined)
      neck.on("end", () => neck.destroy())
      neck.on("close", () => setTimeout(stayConnected, 1000))
      neck.resume()
    },
    () => undefined,
  )
}

const awaitHealth = (until) => {
  const again = () => {
    if (Date.now() > until) leave("the neck did not answer within 30 s")
    setTimeout(awaitHealth, 20, until)
  }
  const neck = net.connect(path)
  let answer = ""
  neck.setTimeout(2000, () => neck.destroy())
  neck.on("error", () => undefined)
  neck.on("data", (bytes) => (answer += bytes))
  neck.on("close", () => {
    if (!/^HTTP\/1\.[01] 200 /.test(answer)) return again()
    fs.writeSync(1, "ready\n")
    letGoOfOutput()
    stayConnected()
  })
  neck.write("GET /healthz HTTP/1.0\r\nHost: neck\r\n\r\n")
}

process.on("SIGHUP", () => undefined)
server.on("error", (error) => leave(`cannot listen on 127.0.0.1:${port}: ${error.code}`))
server.listen(port, "127.0.0.1", 128, () => awaitHealth(Date.now() + 30_000))
