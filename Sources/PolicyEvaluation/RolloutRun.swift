public import Foundation
public import RunDatabase

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
