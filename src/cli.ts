/** The bin: what asks for nothing but the version is answered before anything else is loaded. */
import { VERSION } from "./domain/Version.ts"

if (process.argv[2] === "--version" && process.argv.length === 3) {
  // The reader may be gone.
  process.stdout.on("error", () => process.exit(141))
  process.stdout.write(`${VERSION}\n`)
} else {
  void import("./cli/root.ts").then(({ run }) => run())
}
