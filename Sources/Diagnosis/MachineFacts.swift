import Foundation
import Tensors

/// What the system says of itself and of what this process may do; `nil` wherever it does not say.
public struct MachineFacts: Sendable, Hashable {
  /// How much of something a process may take.
  public enum Limit: Sendable, Hashable, Comparable {
    case of(UInt64)
    case unlimited

    /// Whether `amount` can be had.
    public func allows(_ amount: UInt64) -> Bool { self >= .of(amount) }
  }

  /// The kernels' instruction set.
  public var kernels = ""
  /// What `UIO2_KERNELS` says.
  public var chosenKernels: String?
  /// Arithmetic and reading at best; `nil`: not measured.
  public var ceilings: Ceilings?
  /// Processors that the process may use.
  public var processors = 1
  /// Threads of the computation.
  public var threads = 1
  /// Processes that wanted a processor at once, over the last minute.
  public var load: Double?

  /// Whether the process has the rights `CAP_SYS_NICE` and `CAP_IPC_LOCK`.
  public var mayScheduleAnything: Bool?
  public var mayLockAnything: Bool?
  /// The highest real-time priority and the bytes of locked memory that anybody without these rights may ask for.
  public var realtimePriority: Limit?
  public var lockedMemory: Limit?
  /// How the processors' frequency is chosen.
  public var governor: String?

  /// What the system counts time by.
  public var clockSource: String?
  /// Nanoseconds to read the clock.
  public var clockCost: Double?
  /// Milliseconds by which a sleep of one millisecond ended late: the 99th percentile of a hundred.
  public var wakeUpDelay: Double?
  /// Seconds since 1970 by the system's clock.
  public var date: Double?

  /// Bytes.
  public var memory: UInt64?
  /// Bytes that a new process can have, also by its container's limit.
  public var availableMemory: UInt64?
  /// Files and connections that a process may have open.
  public var descriptors: Limit?
  /// Bytes that are left, by folder.
  public var freeSpace: [Disk] = []

  /// A folder and what its disk has left.
  public struct Disk: Sendable, Hashable {
    public var folder: String
    /// Bytes; `nil`: not known, or no such folder.
    public var free: UInt64?

    /// Collects the parts.
    public init(folder: String, free: UInt64?) {
      self.folder = folder
      self.free = free
    }
  }

  /// What the machine can do at best, 10⁹ a second.
  public struct Ceilings: Sendable, Hashable {
    /// Operations on 32-bit numbers.
    public var f32: Double
    /// Operations on 8-bit integers.
    public var int8: Double
    /// Bytes read.
    public var read: Double

    /// Collects the parts.
    public init(f32: Double, int8: Double, read: Double) {
      self.f32 = f32
      self.int8 = int8
      self.read = read
    }
  }

  /// Nothing known.
  public init() {}

  /// Looks, which takes about a second.
  ///
  /// - Parameters:
  ///   - folders: whose disks are of interest.
  ///   - wantsCeilings: whether arithmetic and memory are measured; they need half a gigabyte, and are left out where there is less.
  public static func measured(folders: [String], wantsCeilings: Bool = true) -> MachineFacts {
    var facts = MachineFacts()
    facts.kernels = ComputeThreads.kernels
    facts.chosenKernels = ProcessInfo.processInfo.environment["UIO2_KERNELS"].flatMap { $0.isEmpty ? nil : $0 }
    facts.processors = ProcessInfo.processInfo.activeProcessorCount
    facts.threads = ComputeThreads.count
    facts.load = contents("/proc/loadavg")?.split(separator: " ").first.flatMap { Double($0) }
    facts.readRights(status: contents("/proc/self/status") ?? "", limits: contents("/proc/self/limits") ?? "")
    facts.governor = contents("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    facts.clockSource = contents("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    facts.measureClocks()
    facts.readMemory(
      contents("/proc/meminfo") ?? "", limit: contents("/sys/fs/cgroup/memory.max"),
      used: contents("/sys/fs/cgroup/memory.current"))
    facts.freeSpace = folders.map { Disk(folder: $0, free: free(in: $0)) }
    if wantsCeilings, facts.availableMemory ?? .max > 2 << 30 {
      let best = CeilingMeter().measure(milliseconds: 100)
      facts.ceilings = Ceilings(f32: best.f32, int8: best.int8, read: best.read)
    }
    return facts
  }

  // MARK: The system's own texts

  /// Takes rights and limits from the texts of `/proc/self/status` and `/proc/self/limits`.
  package mutating func readRights(status: String, limits: String) {
    for line in status.split(separator: "\n") where line.hasPrefix("CapEff:") {
      guard let rights = UInt64(line.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) else { continue }
      mayLockAnything = rights & (1 << 14) != 0
      mayScheduleAnything = rights & (1 << 23) != 0
    }
    realtimePriority = Self.limit("Max realtime priority", in: limits)
    lockedMemory = Self.limit("Max locked memory", in: limits)
    descriptors = Self.limit("Max open files", in: limits)
  }

  /// The hard limit of a name: what a process may raise its own to.
  private static func limit(_ name: String, in text: String) -> Limit? {
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      let fields = line.dropFirst(name.count).split(separator: " ")
      guard fields.count >= 2 else { return nil }
      return fields[1] == "unlimited" ? .unlimited : UInt64(fields[1]).map { .of($0) }
    }
    return nil
  }

  /// Takes memory from the text of `/proc/meminfo`, and what the container allows.
  package mutating func readMemory(_ text: String, limit: String?, used: String?) {
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 2, let kibibytes = UInt64(fields[1]) else { continue }
      if fields[0] == "MemTotal:" { memory = kibibytes << 10 }
      if fields[0] == "MemAvailable:" { availableMemory = kibibytes << 10 }
    }
    guard let limit = limit.flatMap({ UInt64($0) }), limit < memory ?? .max else { return }
    memory = limit
    let left = limit - min(limit, used.flatMap { UInt64($0) } ?? 0)
    availableMemory = min(availableMemory ?? left, left)
  }

  private mutating func measureClocks() {
    let clock = ContinuousClock(), reads = 2_000
    let span = clock.measure { for _ in 0..<reads { _ = clock.now } }
    clockCost = span.seconds / Double(reads) * 1e9
    let delays = (0..<100).map { _ in clock.measure { usleep(1_000) }.seconds * 1_000 - 1 }.sorted()
    wakeUpDelay = delays[98]
    date = Date().timeIntervalSince1970
  }

  private static func contents(_ path: String) -> String? {
    (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func free(in folder: String) -> UInt64? {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return nil }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }
}
