/** Tests that spawn our own processes run the bundle of the sources under test. */
export default async function setup(): Promise<void> {
  await import("../../scripts/bundle.mjs")
}
