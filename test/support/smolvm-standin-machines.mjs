// How the stand-in for smolvm describes its machines.

/** What `status --json` and `ls --json` say of a machine. */
export const describeMachine = ({ image, workload, mounts, ...machine }, state) => ({
  cmd: workload,
  cpus: machine.cpus,
  created_at: machine.created_at,
  cuda: false,
  cuda_fork_pool_size: null,
  cuda_vram_limit_mib: null,
  entrypoint: [],
  ephemeral: false,
  forkable: false,
  forkpoint_held: false,
  gpu: false,
  gpu_vram_mib: null,
  health_cmd: null,
  health_interval_secs: null,
  health_retries: null,
  health_startup_grace_secs: null,
  health_timeout_secs: null,
  image: image.name,
  labels: machine.labels,
  memory_mib: machine.memory_mib,
  mounts: mounts.length,
  name: machine.name,
  network: machine.network,
  overlay_gb: null,
  pid: machine.pid,
  ports: 0,
  restart_count: 0,
  restart_max_retries: 0,
  restart_policy: "never",
  state,
  storage_gb: null,
})

/** What `ls` prints for people. */
export const table = (machines) => {
  const row = (name, state, ...columns) =>
    [
      name.padEnd(20),
      state.padEnd(12),
      ...columns.map((text, n) => String(text).padStart([5, 10, 7, 7, 8, 8][n])),
    ].join(" ")
  const short = (name) => (name.length > 18 ? `${name.slice(0, 15)}...` : name)
  return [
    row("NAME", "STATE", "CPUS", "MEMORY", "MOUNTS", "PORTS", "STORAGE", "OVERLAY"),
    "-".repeat(88),
    ...machines.map(({ name, state, cpus, memory_mib, mounts }) =>
      row(short(name), state, cpus, `${memory_mib} MiB`, mounts, 0, "20 GiB", "10 GiB"),
    ),
    "",
  ].join("\n")
}
