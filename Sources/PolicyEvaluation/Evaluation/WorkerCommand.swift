public import Processes

extension Suite {
  /// Who answers the robots.
  public enum Policy: Sendable, Hashable {
    /// A daemon at this address.
    case daemon(address: String)
    /// The simulator's scripted expert.
    case expert
  }

  /// The program that runs this suite's episodes as it is told on its standard input.
  ///
  /// - Parameter pythonPath: folders in which the simulator's modules are looked for before any other.
  public func workerCommand(
    python: PythonInterpreter, policy: Policy, clock: RolloutClock = .simulated, pythonPath: [String] = []
  ) -> ChildProcess.Command {
    var arguments = python.launch(module: "uio2_envs.worker", pythonPath: pythonPath) + [environment]
    switch policy {
    case .daemon(let address): arguments += ["--connect", address]
    case .expert: arguments.append("--expert")
    }
    arguments += ["--clock", clock.rawValue]
    for folder in pythonPath { arguments += ["--python-path", folder] }
    return ChildProcess.Command(executable: python.path, arguments: arguments, lifeline: .standardInput)
  }
}
