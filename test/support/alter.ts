/** Changes a SQLite file as another version of bot-bottle, another program or a person might. */
import Sqlite from "better-sqlite3"

/** Runs SQL on the file, and closes it. */
export const alter = (filename: string, ...statements: ReadonlyArray<string>): void => {
  const database = new Sqlite(filename)
  for (const each of statements) database.exec(each)
  database.close()
}
