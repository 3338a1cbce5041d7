import Foundation

/// What a report says about its run beside what was flown: enough to run it again and to know what it was run on.
public struct RolloutRun: Sendable, Hashable {
  /// Episodes of all tasks together.
  public var planned: Int
  /// What the deadlines of commands ran against.
  public var clock: RolloutClock
  /// Seed of the first episode of each task.
  public var seed: Int
  /// Control steps of an episode as asked for; `nil`: the simulator's own limit, which the robot reports.
  public var stepLimit: Int?
  /// How the model's matrices were kept (`f32`, `bf16`, `int8`); `nil` when another process served the policy.
  public var weights: String?
  /// The address of the daemon that was named; `nil` when the policy was served by the process itself.
  public var daemon: String?
  /// Version of this program.
  public var version: String
  /// The command line.
  public var command: [String]
  /// The machine of this process.
  public var machine: Machine
  /// When the run began.
  public var start: Date

  /// Collects the facts of a run that begins now on this machine.
  public init(
    plan: RolloutPlan, weights: String? = nil, daemon: String? = nil, version: String, command: [String],
    machine: Machine = .current, start: Date = Date()
  ) {
    planned = plan.totalEpisodes
    clock = plan.clock
    seed = plan.seed
    stepLimit = plan.maximumSteps
    self.weights = weights
    self.daemon = daemon
    self.version = version
    self.command = command
    self.machine = machine
    self.start = start
  }

  /// Whether all that was planned has been flown.
  public enum State: Sendable, Hashable {
    /// Episodes are still being flown, or the process was killed.
    case unfinished
    /// All episodes ran.
    case complete
    /// The run was cut short, for this reason.
    case cutShort(String)
  }
}

/// What a process runs on.
public struct Machine: Sendable, Hashable, Encodable {
  /// The processor's own name; empty where the system does not tell.
  public var processor: String
  /// Processors that the system counts.
  public var processors: Int
  /// Bytes of memory.
  public var memoryBytes: UInt64
  /// Name and version of the operating system.
  public var system: String

  enum CodingKeys: String, CodingKey {
    case processor, processors, system
    case memoryBytes = "memory_bytes"
  }

  /// The machine of this process.
  public static var current: Machine {
    let information = ProcessInfo.processInfo
    var names = utsname()
    uname(&names)
    return Machine(
      processor: processorName, processors: information.processorCount, memoryBytes: information.physicalMemory,
      system: "\(information.operatingSystemVersionString), \(text(names.sysname)) \(text(names.release))")
  }

  private static var processorName: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let line = lines.first { $0.hasPrefix("model name") }
    return line?.split(separator: ":", maxSplits: 1).last?.trimmingCharacters(in: .whitespaces) ?? ""
  }

  /// The text of a C array, which Swift has as a tuple.
  private static func text<Tuple>(_ characters: Tuple) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
