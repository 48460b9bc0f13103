/** The bin. Answers `--version` before anything else is loaded. */
import { VERSION } from "./domain/Version.ts"

if (process.argv[2] === "--version" && process.argv.length === 3) {
  // The reader may have closed the pipe.
  process.stdout.on("error", () => process.exit(141))
  process.stdout.write(`${VERSION}\n`)
} else {
  void import("./cli/root.ts").then(({ run }) => run())
}
