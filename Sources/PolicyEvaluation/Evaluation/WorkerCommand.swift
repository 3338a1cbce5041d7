public import Processes

extension Suite {
  /// Who answers the robots.
  public enum Policy: Sendable, Hashable {
    /// A daemon at this address.
    case daemon(address: String)
    /// The simulator's scripted expert.
    case expert
  }

  /// The robot's clock, against which the deadlines of commands run.
  public enum Clock: String, Sendable, Hashable, CaseIterable {
    /// Time passes only when the simulator steps: no answer is late, and a busy machine gives the same result.
    case simulated
    /// The machine's clock: a daemon slower than its deadline makes the robot hold, as on a real arm.
    case wall
  }

  /// How much of an answer is executed before the robot looks again.
  public enum Loop: String, Sendable, Hashable, CaseIterable {
    /// All of it.
    case chunk
    /// Its first action.
    case closed
    /// All of it, and then no more: one answer is the whole episode.
    case open
  }

  /// Whether the world waits for the policy.
  public enum Mode: Sendable, Hashable {
    /// It waits. Deadlines of commands run against this clock.
    case lockstep(Clock = .simulated)
    /// The simulator steps at its control rate, whatever the policy does; each answer is held back for some milliseconds.
    case realtime(addedDelay: Double)
  }

  /// The program that runs this suite's episodes as it is told on its standard input. It is told all tasks at its start, so that one which the
  /// simulator does not have ends the run before its first episode.
  ///
  /// - Parameters:
  ///   - loop: when the robot looks again, in lockstep.
  ///   - speech: a sound, or a folder of sounds for each task, that says the instruction of rows which name no recordings.
  ///   - pythonPath: full paths of folders in which the simulator's modules are looked for before any other.
  public func workerCommand(
    python: PythonInterpreter, policy: Policy, mode: Mode = .lockstep(), loop: Loop = .chunk, speech: String? = nil,
    pythonPath: [String] = []
  ) -> ChildProcess.Command {
    var arguments = python.launch(module: "uio2_envs.worker", pythonPath: pythonPath) + [environment]
    switch policy {
    case .daemon(let address): arguments += ["--connect", address]
    case .expert: arguments.append("--expert")
    }
    switch mode {
    // A request that is given up would be a control step held, and the outcome would depend on how busy the machine is.
    case .lockstep(.simulated): arguments += ["--clock", "simulated", "--timeout", "60"]
    case .lockstep(.wall): arguments += ["--clock", "wall"]
    case .realtime(let delay): arguments += ["--mode", "realtime", "--added-delay", "\(delay)"]
    }
    if loop != .chunk { arguments += ["--loop", loop.rawValue] }
    if let speech { arguments += ["--speech", speech] }
    for folder in pythonPath { arguments += ["--python-path", folder] }
    for task in requirements { arguments += ["--require", task] }
    return ChildProcess.Command(
      executable: python.path, arguments: arguments, environment: PythonInterpreter.environment(),
      lifeline: .standardInput)
  }
}
