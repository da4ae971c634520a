/**
 * The node of the double: pods run as processes of this machine, in a folder that holds their mounts.
 *
 * What it shows is what a real kubelet was seen to show: reasons, exit codes, messages, what waits for what.
 */
import type { V1Container, V1ContainerStatus, V1EnvVarSource } from "@kubernetes/client-node"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Condition, Store, Thing, Wire } from "./KubernetesStore.ts"

type Container = Wire<V1Container>
type Statuses = Array<Wire<V1ContainerStatus>>

interface Running {
  child: ChildProcess | undefined
  folder: string
  ended: boolean
  deadline: NodeJS.Timeout | undefined
  /** Shows the container that runs as killed. */
  stopped: () => void
}

type Place = "containerStatuses" | "initContainerStatuses"

export interface LogFile {
  text: string
  begun: boolean
  ended: boolean
  readonly listeners: Set<() => void>
}

export class Node {
  readonly #store: Store
  readonly #pods = new Map<string, Running>()
  readonly #logs = new Map<string, LogFile>()
  readonly folder = mkdtempSync(join(tmpdir(), "kubernetes-double-"))

  constructor(store: Store) {
    this.#store = store
    store.listen(({ object, type }) => {
      if (object.kind === "Pod" && type === "ADDED") setImmediate(() => this.#sync(object))
      if (object.kind === "Pod" && type === "DELETED") this.#kill(object)
      if ((object.kind === "ConfigMap" || object.kind === "Secret") && type === "ADDED") {
        setImmediate(() => {
          for (const pod of store.all.filter(
            ({ kind, status }) => kind === "Pod" && status?.phase === "Pending"
          )) {
            this.#sync(pod)
          }
        })
      }
    })
  }

  log(pod: Thing, container: string): LogFile {
    const key = `${pod.metadata.uid}/${container}`
    const found = this.#logs.get(key)
    if (found !== undefined) return found
    const made: LogFile = { text: "", begun: false, ended: false, listeners: new Set() }
    this.#logs.set(key, made)
    return made
  }

  /** Processes that are alive. */
  get processes(): number {
    return [...this.#pods.values()].filter(
      ({ child }) => child !== undefined && child.exitCode === null && child.signalCode === null
    ).length
  }

  close(): void {
    for (const running of this.#pods.values()) this.#end(running)
    rmSync(this.folder, { recursive: true, force: true })
  }

  #sync(pod: Thing): void {
    const now = this.#store.get("Pod", pod.metadata.namespace, pod.metadata.name)
    if (now === undefined || this.#pods.has(pod.metadata.uid)) return
    const containers = now.spec?.containers ?? []
    const installers = now.spec?.initContainers ?? []
    if (containers.some(({ resources }) => Number(resources?.requests?.["cpu"] ?? 0) >= 64)) {
      return this.#pending(now, [], {
        type: "PodScheduled",
        status: "False",
        reason: "Unschedulable",
        message: "0/1 nodes are available: 1 Insufficient cpu."
      })
    }
    const unknown = [...installers, ...containers].find(({ image }) => image?.startsWith("no-such-image"))
    if (unknown !== undefined) {
      return this.#pending(
        now,
        waiting(containers, "ErrImagePull", `failed to resolve reference "${unknown.image}"`)
      )
    }
    const { namespace } = now.metadata
    const maps = (now.spec?.volumes ?? []).flatMap(({ configMap }) => configMap?.name ?? [])
    if (maps.some((name) => this.#store.get("ConfigMap", namespace, name) === undefined)) {
      return this.#pending(now, waiting(containers, "ContainerCreating"))
    }
    const secrets = containers
      .flatMap(({ env }) => env ?? [])
      .flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? [])
    const absent = secrets.find((name) => this.#store.get("Secret", namespace, name) === undefined)
    if (absent !== undefined) {
      return this.#pending(
        now,
        waiting(containers, "CreateContainerConfigError", `secret "${absent}" not found`)
      )
    }
    this.#start(now, installers, containers)
  }

  #pending(pod: Thing, containerStatuses: Statuses, scheduled: Condition = isScheduled): void {
    this.#store.update(pod, (copy) => {
      copy.status = { phase: "Pending", conditions: [scheduled], containerStatuses }
    })
  }

  #start(pod: Thing, installers: ReadonlyArray<Container>, containers: ReadonlyArray<Container>): void {
    const running: Running = {
      child: undefined,
      folder: join(this.folder, pod.metadata.uid),
      ended: false,
      deadline: undefined,
      stopped: () => undefined
    }
    this.#pods.set(pod.metadata.uid, running)
    mkdirSync(join(running.folder, "tmp"), { recursive: true })
    for (const volume of pod.spec?.volumes ?? []) {
      const data =
        this.#store.get("ConfigMap", pod.metadata.namespace, volume.configMap?.name ?? "")?.data ?? {}
      mkdirSync(join(running.folder, volume.name), { recursive: true })
      for (const [name, text] of Object.entries(data))
        writeFileSync(join(running.folder, volume.name, name), text)
    }
    const seconds = pod.spec?.activeDeadlineSeconds
    if (seconds !== undefined) {
      running.deadline = setTimeout(() => this.#pastDeadline(pod, running), seconds * 1000)
    }
    const [installer] = installers
    const [container] = containers
    if (container === undefined) return
    if (installer === undefined)
      return this.#run(pod, running, container, "containerStatuses", () => undefined)
    this.#run(pod, running, installer, "initContainerStatuses", () =>
      this.#run(pod, running, container, "containerStatuses", () => undefined)
    )
  }

  #run(pod: Thing, running: Running, container: Container, place: Place, then: () => void): void {
    const log = this.log(pod, container.name)
    const mounted = (text: string): string => {
      const mount = container.volumeMounts?.find(
        ({ mountPath }) => text === mountPath || text.startsWith(`${mountPath}/`)
      )
      return mount === undefined
        ? text
        : join(running.folder, mount.name) + text.slice(mount.mountPath.length)
    }
    const env = Object.fromEntries(
      (container.env ?? []).map(({ name, value, valueFrom }) => [
        name,
        mounted(value ?? this.#secret(pod, valueFrom))
      ])
    )
    const argv = [...(container.command ?? []), ...(container.args ?? [])].map((text) =>
      mounted(expanded(text, env))
    )
    const child = spawn(argv[0] === "python" ? "python3" : (argv[0] ?? ""), argv.slice(1), {
      cwd: running.folder,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], ...env, POD_FOLDER: running.folder }
    })
    running.child = child
    log.begun = true
    const write = (text: string) => {
      log.text += text
      for (const listener of log.listeners) listener()
    }
    child.stdout.on("data", (chunk: Buffer) => write(chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => write(chunk.toString()))
    child.on("error", ({ message }) => this.#notStarted(pod, running, place, container, message))
    if (child.pid === undefined) return
    const startedAt = new Date().toISOString()
    this.#status(pod, running, place, container, { running: { startedAt } })
    running.stopped = () =>
      this.#status(pod, running, place, container, {
        terminated: { exitCode: 137, reason: "Error", startedAt, finishedAt: new Date().toISOString() }
      })
    child.on("close", (code, signal) => {
      log.ended = true
      for (const listener of log.listeners) listener()
      if (running.ended) return
      const exitCode = code ?? (signal === "SIGKILL" ? 137 : 143)
      // A script of these tests that kills itself under a memory limit plays one that needed more.
      const killed = exitCode === 137 && container.resources?.limits?.["memory"] !== undefined
      const reason = killed ? "OOMKilled" : exitCode === 0 ? "Completed" : "Error"
      const message = exitCode === 0 || killed ? {} : { message: log.text.slice(-2048) }
      this.#status(pod, running, place, container, {
        terminated: { exitCode, reason, startedAt, finishedAt: new Date().toISOString(), ...message }
      })
      if (place === "initContainerStatuses" && exitCode === 0) return then()
      running.ended = true
      clearTimeout(running.deadline)
      this.#phase(pod, exitCode === 0 ? "Succeeded" : "Failed")
    })
  }

  #notStarted(pod: Thing, running: Running, place: Place, container: Container, message: string): void {
    const log = this.log(pod, container.name)
    log.ended = true
    for (const listener of log.listeners) listener()
    this.#status(pod, running, place, container, {
      terminated: { exitCode: 128, reason: "StartError", message }
    })
    running.ended = true
    clearTimeout(running.deadline)
    this.#phase(pod, "Failed")
  }

  #secret(pod: Thing, from: Wire<V1EnvVarSource> | undefined): string {
    const secret = this.#store.get("Secret", pod.metadata.namespace, from?.secretKeyRef?.name ?? "")
    return Buffer.from(secret?.data?.[from?.secretKeyRef?.key ?? ""] ?? "", "base64").toString()
  }

  #status(
    pod: Thing,
    running: Running,
    place: string,
    { image = "", name }: Container,
    state: Statuses[number]["state"] & object
  ): void {
    if (running.ended) return
    this.#store.update(pod, (copy) => {
      copy.status = {
        ...copy.status,
        phase: place === "containerStatuses" ? "Running" : "Pending",
        conditions: [isScheduled],
        [place]: [{ name, image, imageID: "", ready: false, restartCount: 0, state }]
      }
    })
  }

  #phase(pod: Thing, phase: string, more: { reason?: string; message?: string } = {}): void {
    this.#store.update(pod, (copy) => {
      copy.status = { ...copy.status, phase, ...more }
    })
  }

  #pastDeadline(pod: Thing, running: Running): void {
    if (running.ended) return
    running.stopped()
    this.#end(running)
    this.#phase(pod, "Failed", {
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline"
    })
  }

  #kill(pod: Thing): void {
    const running = this.#pods.get(pod.metadata.uid)
    if (running !== undefined) this.#end(running)
  }

  #end(running: Running): void {
    running.ended = true
    clearTimeout(running.deadline)
    if (running.child?.pid !== undefined && running.child.exitCode === null) {
      try {
        process.kill(-running.child.pid, "SIGKILL")
      } catch {
        // It has ended by itself.
      }
    }
  }
}

const isScheduled: Condition = { type: "PodScheduled", status: "True" }

const waiting = (containers: ReadonlyArray<Container>, reason: string, message?: string): Statuses =>
  containers.map(({ image = "", name }) => ({
    name,
    image,
    imageID: "",
    ready: false,
    restartCount: 0,
    state: { waiting: { reason, ...(message === undefined ? {} : { message }) } }
  }))

/** `$(NAME)` is the variable, `$$` a dollar, as the kubelet has it. */
const expanded = (text: string, env: Readonly<Record<string, string>>): string =>
  text.replace(/\$\$|\$\(([^)]*)\)/g, (all, name: string | undefined) =>
    name === undefined ? "$" : (env[name] ?? all)
  )
